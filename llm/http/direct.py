"""A call straight from a server that knows us, without ASGI's messages: its request is here whole, and its response
goes out in as few writes as it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from llm.http.exchange import Exchange, Header, Leaving
from llm.http.incoming import Incoming


class Line(Protocol):
    """What a server gives for one response. `left` is what it calls once the caller has gone; `task` does the work.

    Headers with a line's end in them are refused with a RuntimeError, and nothing is written. To a caller that has gone
    all goes nowhere."""

    left: list[Callable[[], None]]
    task: asyncio.Task[Any] | None

    @property
    def full(self) -> bool:
        """Has the caller not read what it got before? Then wait until it is `drained`."""
        ...

    def respond(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A whole response."""
        ...

    def begin(self, status: int, headers: Iterable[Header]) -> None:
        """One whose length is not known."""
        ...

    def put(self, data: bytes) -> bool:
        """A piece of it; tells whether the connection can take more."""
        ...

    async def drained(self) -> None:
        """Returns once the connection can take more."""
        ...

    def finish(self) -> None: ...


class DirectExchange(Exchange):
    __slots__ = ("_line",)

    def __init__(self, line: Line, path: str, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__("POST", path, headers)
        self.body = body
        self._line = line

    def incoming(self, limit: int, *, whole: Callable[[], None]) -> Incoming:
        raise AssertionError("the body is here")

    def leaving(self) -> Leaving:
        return Leaving(None, self._line.left, self._line.task)

    async def respond(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        if self._line.full:
            await self._line.drained()
        self._line.respond(status, headers, body)
        self.started = True

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        if self._line.full:
            await self._line.drained()
        self._line.begin(status, headers)
        self.started = True

    async def piece(self, data: bytes) -> None:
        if not self._line.put(data):
            await self._line.drained()

    @property
    def put(self) -> Callable[[bytes], bool]:
        return self._line.put

    async def finish(self) -> None:
        self._line.finish()
