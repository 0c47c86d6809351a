"""One HTTP request and its response, and the watch for a caller that leaves."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Final

from llm.errors import GatewayError, GatewayUnavailable, InvalidRequest
from llm.http.head import Head
from llm.http.incoming import Incoming
from llm.observe import call_id
from llm.service import Call

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_LIMIT: Final = 32 * 1024 * 1024
# Where a server has this in its scope, it is a list of what it calls once the caller has gone: cheaper than a task that
# waits for the message.
LEFT: Final = "llm_gateway.left"
# Rests of a refused body up to this size are read and thrown away by the server, so that the caller sees the answer and
# keeps its connection; larger ones end with it.
_DISCARDED: Final = 1024 * 1024


class Exchange(ABC):
    """`head` is the request's; `body` too, where it was whole from the beginning, else it comes by `incoming`. `call`
    is set by a door while there is one: its trail goes into the head of the answer, also of errors. `started`: has a
    response begun? Once the caller has gone the work is cancelled.

    The `lines` of a response's head are as they go out, each with its end: see `llm.http.reply`."""

    __slots__ = ("body", "call", "call_id", "head", "request_id", "started")

    def __init__(self, head: Head, body: bytes | None = None) -> None:
        self.head = head
        self.body = body
        self.call_id = made = call_id.new()
        self.request_id = head.label or made
        self.call: Call | None = None
        self.started = False

    @property
    @abstractmethod
    def left(self) -> bool:
        """Has the caller gone?"""

    @property
    @abstractmethod
    def since(self) -> float:
        """When a piece was last taken, in the loop's time."""

    @abstractmethod
    def incoming(self, limit: int) -> Incoming:
        """The body. RequestTooLarge where it tells of more than `limit` bytes."""

    @abstractmethod
    async def respond(self, status: int, lines: bytes, body: bytes) -> None:
        """A whole response."""

    @abstractmethod
    async def start(self, status: int, lines: bytes) -> None: ...

    @abstractmethod
    async def piece(self, data: bytes) -> None:
        """A part of a response under way; returns once the connection can take more."""

    @property
    def put(self) -> Callable[[bytes], bool] | None:
        """`piece` without waiting: takes the data in any case, and tells whether more may come that way."""
        return None

    @abstractmethod
    async def finish(self) -> None: ...


class AsgiExchange(Exchange):
    """Over ASGI's messages, which every server speaks. `leaving` is the watch for its caller, to be entered."""

    __slots__ = ("_body_read", "_receive", "_send", "_since", "leaving", "method")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        super().__init__(Head(scope["path"], headers))
        self.leaving = Leaving(receive, scope.get(LEFT))
        self.method: str = scope["method"]
        self._receive = receive
        self._send = send
        self._body_read = False
        self._since = 0.0

    @property
    def left(self) -> bool:
        return self.leaving.left

    @property
    def since(self) -> float:
        return self._since

    def incoming(self, limit: int) -> Incoming:
        def ended() -> None:
            self._body_read = True
            self.leaving.watch()

        return Incoming(self._receive, length=self._announced(), limit=limit, whole=ended)

    async def respond(self, status: int, lines: bytes, body: bytes) -> None:
        await self.start(status, b"%bcontent-length: %d\r\n" % (lines, len(body)))
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, lines: bytes) -> None:
        self.started = True
        headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines.split(b"\r\n") if line)]
        if not self._body_read and self._leaves_much_unread():
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._since = asyncio.get_running_loop().time()

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    def _announced(self) -> int | None:
        length = self.head.headers.get("content-length")
        if length is None:
            return None
        if not (length.isascii() and length.isdigit()):
            raise InvalidRequest("The header 'content-length' is not a number.")
        return int(length)

    def _leaves_much_unread(self) -> bool:
        length = self.head.headers.get("content-length", "")
        return "transfer-encoding" in self.head.headers or (length.isdigit() and int(length) > _DISCARDED)


class Leaving:
    """Cancels the work in its block once the caller has gone, from `watch` on; the block then ends quietly.

        with Leaving(receive, told) as leaving:
            ...                 # the body is read here: `receive` is still ours
            leaving.watch()
            ...                 # from here on the caller's leaving cancels what is awaited

    A cancellation that comes from elsewhere (the server going down) goes on as it came. `told`: see LEFT; None where
    the caller's leaving is a message.
    """

    __slots__ = ("_receive", "_task", "_told", "_watcher", "left")

    def __init__(self, receive: Receive | None, told: list[Callable[[], None]] | None) -> None:
        self.left = False
        self._receive = receive
        self._told = told
        self._watcher: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> Leaving:
        self._task = asyncio.current_task()
        if self._told is not None:
            self._told.append(self._gone)
        return self

    def watch(self) -> None:
        if self._told is None and self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        assert self._receive is not None
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone()

    def _gone(self) -> None:
        self.left = True
        if self._task is not None:
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self._watcher is not None:
            self._watcher.cancel()
        if self._told is not None:
            self._told.clear()
        if not self.left or self._task is None:
            return False
        others = self._task.uncancel()
        return isinstance(error, asyncio.CancelledError) and others == 0


def going_down() -> GatewayError:
    return GatewayUnavailable("The gateway is going down.", retry_after=1)
