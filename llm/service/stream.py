"""A streamed answer on its way to the caller, settled at its end, however it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from llm.observe.record import Sink
from llm.service.call import Info
from llm.service.turn import Turn
from llm.spec import AnswerStream, StreamSummary

Flow = Callable[[Callable[[bytes], bool]], Awaitable[None]]

HELD_UP_SECONDS: Final = 1.0


class StreamReply:
    """Iterating gives bytes in the request's dialect, whole events at a time; where `relayed_as` names a content type,
    bytes of that type, cut anywhere.

    What belongs to the end of the answer (from the provider's own finish on) is held back until the record is written:
    a caller never has a finished answer that is not accounted for. Iterating ends only after a complete answer; else it
    raises a GatewayError, which the door tells in-band. `aclose` must be called; it ends the upstream call at once.
    """

    def __init__(
        self,
        turn: Turn,
        stream: AnswerStream,
        *,
        pieces: AsyncIterator[bytes],
        first: bytes,
        sink: Sink,
        relayed_as: str = "",
    ) -> None:
        self.info: Info = turn.info
        self.summary: StreamSummary = stream.summary
        self.relayed_as = relayed_as
        self._turn = turn
        self._stream = stream
        self._pieces = pieces
        self._first = first
        self._sink = sink
        self._held: list[bytes] = []
        self._over = False
        self._began = self._away_since = turn.elapsed
        self._away = 0.0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        self._note_away()
        try:
            return await self._next()
        except StopAsyncIteration:
            raise
        except BaseException as error:
            self._turn.fail(error)
            await self._end()
            raise
        finally:
            self._away_since = self._turn.elapsed

    async def _next(self) -> bytes:
        piece, self._first = self._first, b""
        while not piece or self.summary.finished:
            if piece:
                self._held.append(piece)
            try:
                piece = await anext(self._pieces)
            except StopAsyncIteration:
                return await self._last()
        return piece

    async def _last(self) -> bytes:
        self._turn.succeed(self.summary.usage)
        await self._end()
        if not self._held:
            raise StopAsyncIteration
        return b"".join(self._held)

    async def flow(self, write: Callable[[bytes], bool]) -> None:
        """Gives pieces to `write` as they come, until it says False or the answer nears its end; then iterate on."""
        flow: Flow | None = getattr(self._stream, "flow", None)  # see `llm.spec.Flowing`
        if self._over or self._first or self.summary.finished or flow is None:
            return

        self._note_away()
        try:
            await flow(write)
        except BaseException as error:
            self._turn.fail(error)
            await self._end()
            raise
        finally:
            self._away_since = self._turn.elapsed

    def _note_away(self) -> None:
        """The caller took the last piece so long."""
        away = self._turn.elapsed - self._away_since
        self._turn.meter.waited += away
        self._away += away

    async def aclose(self, error: BaseException | None = None) -> None:
        """Ends the call. Before the answer is whole, that is `error`, or else the caller's leaving: recorded as
        cancelled."""
        if not self._over:
            self._turn.fail(error or GeneratorExit())
            await self._end()

    async def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._turn.usage = self.summary.usage
        attempt = self._turn.attempt
        if attempt is not None and self._away > max(HELD_UP_SECONDS, (self._turn.elapsed - self._began) / 2):
            attempt.held_up = True
        try:
            await self._stream.aclose()
        finally:
            self._turn.settle(self._sink)
