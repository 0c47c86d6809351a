"""The two ways of a stream through the gateway: relayed as it came, or translated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from llm.dialects.grammar import Relay, StreamReader, StreamWriter
from llm.dialects.signatures import marked_again
from llm.dialects.sse import Frame, SseDecoder
from llm.errors import UpstreamError, UpstreamMalformed
from llm.spec import Dialect


class StreamCodec(Protocol):
    """Raw upstream bytes in, whole events of the caller's dialect out.

    `feed` takes any split of the bytes and gives b"" where nothing is whole yet. It raises an UpstreamError for an
    in-band error of the provider or a malformed event; what was good before it is given out first, and the error is
    raised by the next call.

    `complete`: stop reading, and call `end`: the provider's answer is whole (nothing that comes later counts), or an
    error is waiting to be raised.

    `end` gives what is still owed to the caller; UpstreamMalformed if the answer was not finished.
    """

    @property
    def complete(self) -> bool: ...

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class _Codec:
    """`step` is what becomes of one event, `done` says whether the answer is whole, `owed` gives its rest."""

    __slots__ = ("_decoder", "_done", "_error", "_owed", "_step")

    def __init__(self, *, step: Callable[[Frame], bytes], done: Callable[[], bool], owed: Callable[[], bytes]) -> None:
        self._decoder = SseDecoder()
        self._error: UpstreamError | None = None
        self._step = step
        self._done = done
        self._owed = owed

    @property
    def complete(self) -> bool:
        return self._error is not None or self._done()

    def feed(self, data: bytes) -> bytes:
        return self._take(self._decoder.feed(data))

    def end(self) -> bytes:
        if self._error is not None:
            raise self._error
        return self._rest() + self._owed()

    def _rest(self) -> bytes:
        if self._done():
            return b""
        try:
            return self._take(self._decoder.flush())
        except UpstreamMalformed:
            return b""  # a torn last event: `owed` knows whether the answer was whole without it

    def _take(self, frames: Iterable[Frame]) -> bytes:
        if self._error is not None:
            raise self._error
        out: list[bytes] = []
        try:
            for frame in frames:
                if self._done():
                    break
                out.append(self._step(frame))
        except UpstreamError as error:
            self._error = error
            given = b"".join(out)
            if not given:
                raise
            return given
        return b"".join(out)


def relay_codec(relay: Relay, dialect: Dialect) -> StreamCodec:
    """`dialect` is that of provider and caller."""

    def step(frame: Frame) -> bytes:
        return marked_again(relay.frame(frame), dialect)

    return _Codec(step=step, done=lambda: relay.complete, owed=relay.owed)


def translating_codec(reader: StreamReader, writer: StreamWriter) -> StreamCodec:
    def step(frame: Frame) -> bytes:
        return b"".join([writer.write(event) for event in reader.read(frame)])

    def owed() -> bytes:
        return b"".join([writer.write(event) for event in reader.end()])

    return _Codec(step=step, done=lambda: reader.complete, owed=owed)
