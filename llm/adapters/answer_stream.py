"""A provider's stream on its way to the caller: bytes from the transport, through the hub's codec."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from llm.adapters import discretion
from llm.dialects.hub import StreamCodec
from llm.errors import UpstreamError
from llm.spec import StreamSummary, Target
from llm.transport.base import Answer


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `finish`: how long to wait for the rest of an answer whose end was already told (its usage, its last
    mark): some servers leave these out and keep the connection. `drain`: how long to wait for the end of the bytes,
    so that the connection can be used again."""

    finish: float = 2.0
    drain: float = 0.05


@dataclass(frozen=True, slots=True)
class Reading:
    """How one answer is read. `codec` keeps `summary`. `sole`: the answer has one choice, so that its finish reason
    is the end of all that matters. `estimated`: the provider's own counts are estimates."""

    codec: StreamCodec
    summary: StreamSummary
    sole: bool
    estimated: bool
    patience: Patience


class HttpAnswerStream:
    """See `llm.spec.AnswerStream`."""

    def __init__(self, answer: Answer, reading: Reading, target: Target, dropped: tuple[str, ...]) -> None:
        self.summary = reading.summary
        self.dropped = dropped
        self._answer = answer
        self._pieces = answer.chunks()
        self._reading = reading
        self._codec = reading.codec
        self._target = target
        self._failure: Exception | None = None
        self._last = b""  # with which a flowing answer has finished: the next piece
        self._over = False
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._next()
        except BaseException as error:
            if isinstance(error, UpstreamError):
                discretion.redact(error, self._target)
            await self.aclose()
            raise

    async def flow(self, take: Callable[[bytes], bool]) -> None:
        """See `llm.spec.Flowing`. The end of an answer is left to iterating: there it is looked at closely."""
        if self._over or self._near_end:
            return
        codec, plain = self._codec, self._codec.plain

        def feed(piece: bytes) -> bool:
            if codec.clear and plain(piece):
                return take(piece)
            return self._fed(piece, take)

        try:
            await self._answer.flow(feed)
            failure, self._failure = self._failure, None
            if failure is not None:
                try:
                    raise failure
                finally:
                    del failure  # by its traceback it would hold itself
        except BaseException as error:
            if isinstance(error, UpstreamError):
                discretion.redact(error, self._target)
            await self.aclose()
            raise

    def _fed(self, piece: bytes, take: Callable[[bytes], bool]) -> bool:
        try:
            given = self._codec.feed(piece)
        except Exception as error:  # noqa: BLE001  # reason: whatever it is, it is raised by `flow`, to who waits
            self._failure = error
            return False
        if self.summary.finished:
            self._last = given
            return False
        return (not given or take(given)) and not self._codec.complete

    @property
    def _near_end(self) -> bool:
        return self.summary.finished or self._codec.complete

    async def aclose(self) -> None:
        self._over = True
        if not self._closed:
            self._closed = True
            self._codec.close()
            await self._answer.aclose()

    async def _next(self) -> bytes:
        if self._last:
            given, self._last = self._last, b""
            return given
        while not self._over:
            piece = await self._read()
            if piece is None:
                self._over = True
                given = self._codec.end()
            else:
                given = self._codec.feed(piece)
            if self._reading.estimated:
                self.summary.usage.estimated = True
            if given:
                return given
        raise StopAsyncIteration

    async def _read(self) -> bytes | None:
        """The next piece; None where nothing more is to come that counts."""
        if self._codec.complete:
            await self._drain()
            return None
        if not (self.summary.finished and self._reading.sole):
            return await anext(self._pieces, None)
        try:
            async with asyncio.timeout(self._reading.patience.finish):
                return await anext(self._pieces, None)
        except (TimeoutError, UpstreamError):
            return None  # the answer is whole: only its envelope is missing

    async def _drain(self) -> None:
        if not self.summary.finished:
            return  # `complete` before the end: an error waits to be raised
        try:
            async with asyncio.timeout(self._reading.patience.drain):
                while await anext(self._pieces, None) is not None:
                    pass
        except (TimeoutError, UpstreamError):
            return  # then the connection is not kept
