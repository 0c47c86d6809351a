"""Comments in a stream that is silent for long, so that no proxy and no client takes it for dead.

Clients of both dialects pass comments over (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

from llm.http.exchange import Exchange

SECONDS: Final = 15.0
COMMENT: Final = b": keep-alive\n\n"


class Filled:
    """Sends pieces of a stream, and a comment after each `seconds` without one.

        async with Filled(exchange, seconds) as out:
            await out.piece(...)        # whole events only: a comment may stand between any two

    A slow reader gets one comment at most: it has something to read. `put` is the same at once, where the exchange can.
    `last` is the last piece that was more than a comment, kept only where events are `numbered`.
    """

    __slots__ = ("_exchange", "_loop", "_numbered", "_put", "_seconds", "_sending", "_timer", "_writing", "last")

    def __init__(self, exchange: Exchange, seconds: float, *, numbered: bool) -> None:
        self.last = b""
        self._exchange = exchange
        self._numbered = numbered
        self._put = exchange.put
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._sending = False
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Filled:
        self._timer = self._loop.call_later(self._seconds, self._look)
        return self

    async def piece(self, data: bytes) -> None:
        if self._numbered and data.find(b"data:") >= 0:
            self.last = data
        self._sending = True
        await self._exchange.piece(data)
        self._sending = False

    @property
    def put(self) -> Callable[[bytes], bool] | None:
        return self._note if self._numbered and self._put is not None else self._put

    def _note(self, data: bytes) -> bool:
        assert self._put is not None
        if data.find(b"data:") >= 0:
            self.last = data
        return self._put(data)

    def _look(self) -> None:
        """One timer for a stream, not one for each piece."""
        silent = self._loop.time() - self._exchange.since
        if silent >= self._seconds and not self._sending and self._writing is None:
            self._writing = self._loop.create_task(self._comment())
            silent = 0.0
        self._timer = self._loop.call_later(max(self._seconds - silent, self._seconds / 10), self._look)

    async def _comment(self) -> None:
        try:
            await self._exchange.piece(COMMENT)
        except OSError:
            return  # the caller has left: the next piece says so
        finally:
            self._writing = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            self._writing.cancel()
