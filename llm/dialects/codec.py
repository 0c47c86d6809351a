"""The two ways of a stream through the gateway: relayed as it came, or translated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from llm.dialects import doubt
from llm.dialects.grammar import Relay, StreamReader, StreamWriter
from llm.dialects.signatures import MARKED, marked_again
from llm.dialects.sse import Frame, SseDecoder
from llm.errors import UpstreamError, UpstreamMalformed
from llm.spec import Dialect, StreamSummary


class StreamCodec(Protocol):
    """Raw upstream bytes in, whole events of the caller's dialect out.

    `feed` takes any split of the bytes and gives b"" where nothing is whole yet. It raises an UpstreamError for an
    in-band error of the provider or a malformed event; what was good before it is given out first, and the error is
    raised by the next call. After one event that is no JSON nothing more is given until `end`, which gives all the rest
    or raises the error (see `llm.dialects.doubt`).

    `plain`: False, or these bytes are one event that the caller gets as it is and after which nothing is different:
    then they count as fed, and need not be. To be asked only while `clear`.

    `complete`: stop reading, and call `end`: the provider's answer is whole (nothing that comes later counts), or an
    error is waiting to be raised.

    `end` gives what is still owed to the caller; UpstreamMalformed if the answer was not finished.
    """

    @property
    def complete(self) -> bool: ...

    @property
    def clear(self) -> bool: ...

    @property
    def plain(self) -> Callable[[bytes], bool]: ...

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...

    def close(self) -> None:
        """Nothing more is asked: lets go of an error, which by its traceback holds this codec, and all of the call."""
        ...


class _Codec:
    """`step` is what becomes of one event, `source` says whether the answer is whole, `owed` gives its rest.
    `upstream`: the provider's dialect. `relay` is the source where the caller has the same."""

    __slots__ = (
        "_decoder",
        "_doubt",
        "_error",
        "_owed",
        "_relay",
        "_said",
        "_says",
        "_source",
        "_step",
        "_summary",
        "clear",
        "plain",
    )

    def __init__(
        self,
        upstream: Dialect,
        summary: StreamSummary,
        *,
        step: Callable[[Frame], bytes],
        source: Relay | StreamReader,
        owed: Callable[[], bytes],
        relay: Relay | None = None,
    ) -> None:
        self._relay = relay
        self.clear = relay is not None
        self.plain = _never if relay is None else relay.plain
        says = doubt.SAYS.get(upstream)
        self._says = None if says is None else says.search
        self._said = 0  # events that said something
        self._summary = summary
        self._doubt: doubt.Doubt | None = None
        self._decoder = SseDecoder()
        self._error: UpstreamError | None = None
        self._step = step
        self._source = source
        self._owed = owed

    @property
    def complete(self) -> bool:
        return self._error is not None or self._source.complete

    def feed(self, data: bytes) -> bytes:
        if self._error is None and not self._source.complete:
            frame = self._decoder.only(data)
            if frame is not None:
                try:
                    return self._one(frame)
                except UpstreamError as error:
                    self._error = error
                    raise
        return self._take(self._decoder.feed(data))

    def end(self) -> bytes:
        if self._error is not None:
            raise self._error
        rest = self._rest() + self._owed()
        return rest if self._doubt is None else self._doubt.settle(self._all_said) + rest

    def close(self) -> None:
        self._error = None

    @property
    def _all_said(self) -> int:
        return self._said + (self._relay.said if self._relay is not None else 0)

    def _rest(self) -> bytes:
        if self._source.complete:
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
                if self._source.complete:
                    break
                out.append(self._one(frame))
        except UpstreamError as error:
            self._error = error
            whole = b"".join(out)
            if not whole:
                raise
            return whole
        self.clear = self._relay is not None and self._doubt is None and not self._decoder.waits
        return b"".join(out)

    def _one(self, frame: Frame) -> bytes:
        try:
            given = self._step(frame)
        except UpstreamMalformed as error:
            self._suspect(frame, error)
            return b""
        says = self._says
        if says is not None and says(frame.data):
            self._said += 1
        if self._doubt is None:
            return given
        self._doubt.keep(given)
        return b""

    def _suspect(self, frame: Frame, error: UpstreamMalformed) -> None:
        """Raises it unless it may turn out that nothing is missing. Where nothing has been said another attempt costs
        nothing, and is better; what comes behind a finish is no part of the answer."""
        hopeless = self._doubt is not None or self._all_said == 0 or self._summary.finished
        if hopeless or not doubt.unreadable(frame):
            raise error
        self._doubt = doubt.Doubt(error, self._summary)
        self.clear = False


def _never(data: bytes) -> bool:
    return False


def relay_codec(relay: Relay, dialect: Dialect, summary: StreamSummary) -> StreamCodec:
    """`dialect` is that of provider and caller."""

    def step(frame: Frame) -> bytes:
        given = relay.frame(frame)
        return marked_again(given, dialect) if given.find(MARKED) >= 0 else given

    return _Codec(dialect, summary, step=step, source=relay, owed=relay.owed, relay=relay)


def translating_codec(
    reader: StreamReader, writer: StreamWriter, upstream: Dialect, summary: StreamSummary
) -> StreamCodec:
    def step(frame: Frame) -> bytes:
        return b"".join([writer.write(event) for event in reader.read(frame)])

    def owed() -> bytes:
        return b"".join([writer.write(event) for event in reader.end()])

    return _Codec(upstream, summary, step=step, source=reader, owed=owed)
