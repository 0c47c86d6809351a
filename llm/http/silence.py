"""Comments in a stream that is silent for long, so that no proxy and no client takes it for dead.

Clients of both dialects pass comments over (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

from llm.http.exchange import Exchange

SECONDS: Final = 15.0
COMMENT: Final = b": keep-alive\n\n"


class Filled:
    """Sends pieces of a stream, and a comment after each `seconds` without one.

        async with Filled(exchange, seconds) as out:
            await out.piece(...)        # whole events only: a comment may stand between any two

    A slow reader gets no comments: it has something to read. `last` is the last piece that was more than a comment.
    """

    __slots__ = ("_exchange", "_loop", "_put", "_seconds", "_sending", "_since", "_timer", "_writing", "last")

    def __init__(self, exchange: Exchange, seconds: float) -> None:
        self.last = b""
        self._exchange = exchange
        self._put = exchange.put
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._sending = False
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Filled:
        self._timer = self._loop.call_later(self._seconds, self._look)
        return self

    async def piece(self, data: bytes) -> None:
        if b"data:" in data:
            self.last = data
        self._sending = True
        await self._exchange.piece(data)
        self._sending = False
        self._since = self._loop.time()

    def put(self, data: bytes) -> bool:
        """The same at once, where the exchange can."""
        assert self._put is not None
        if b"data:" in data:
            self.last = data
        self._since = self._loop.time()
        return self._put(data)

    def _look(self) -> None:
        """One timer for a stream, not one for each piece."""
        silent = self._loop.time() - self._since
        if silent >= self._seconds and not self._sending and self._writing is None:
            self._writing = self._loop.create_task(self._comment())
            silent = 0.0
        self._timer = self._loop.call_later(max(self._seconds - silent, self._seconds / 10), self._look)

    async def _comment(self) -> None:
        try:
            await self._exchange.piece(COMMENT)
            self._since = self._loop.time()
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
