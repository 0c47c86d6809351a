"""One HTTP request and its response, and the watch for a caller that leaves."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import Any, Final

from llm.errors import CallCancelled, GatewayError, GatewayUnavailable, InvalidRequest
from llm.http.incoming import Incoming
from llm.observe import call_id
from llm.service import Call

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

BODY_LIMIT: Final = 32 * 1024 * 1024
_VISIBLE: Final = frozenset(map(chr, range(0x21, 0x7F)))
# Where a server has this in its scope, it is a list of what it calls once the caller has gone: cheaper than a task that
# waits for the message.
LEFT: Final = "llm_gateway.left"
# Rests of a refused body up to this size are read and thrown away by the server, so that the caller sees the answer and
# keeps its connection; larger ones end with it.
_DISCARDED: Final = 1024 * 1024


class Exchange(ABC):
    """`headers` have lower-case names. `call` is set by a door as soon as there is one: its trail goes into the
    headers of the answer, also of errors. `started`: has a response begun? `body` is the request's where it was whole
    from the beginning, else it comes by `incoming`."""

    __slots__ = ("body", "call", "call_id", "headers", "method", "path", "request_id", "started")

    def __init__(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.call_id = call_id.new()
        given = headers.get("x-request-id")
        self.request_id = (_label(given) if given else "") or self.call_id
        self.call: Call | None = None
        self.started = False
        self.body: bytes | None = None

    @abstractmethod
    def incoming(self, limit: int, *, whole: Callable[[], None]) -> Incoming:
        """The body; `whole` is called once all of it is here. RequestTooLarge where it tells of more than `limit`
        bytes."""

    @abstractmethod
    def leaving(self) -> Leaving:
        """The watch for this request's caller."""

    @abstractmethod
    async def respond(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A whole response."""

    @abstractmethod
    async def start(self, status: int, headers: Iterable[Header]) -> None: ...

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
    """Over ASGI's messages, which every server speaks."""

    __slots__ = ("_body_read", "_receive", "_send", "_told")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        super().__init__(scope["method"], scope["path"], headers)
        self._told: list[Callable[[], None]] | None = scope.get(LEFT)
        self._receive = receive
        self._send = send
        self._body_read = False

    def incoming(self, limit: int, *, whole: Callable[[], None]) -> Incoming:
        def ended() -> None:
            self._body_read = True
            whole()

        return Incoming(self._receive, length=self._announced(), limit=limit, whole=ended)

    def leaving(self) -> Leaving:
        return Leaving(self._receive, self._told)

    async def respond(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        await self.start(status, (*headers, (b"content-length", b"%d" % len(body))))
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        self.started = True
        closing = () if self._body_read or not self._leaves_much_unread() else ((b"connection", b"close"),)
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *closing]})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    def _announced(self) -> int | None:
        length = self.headers.get("content-length")
        if length is None:
            return None
        if not (length.isascii() and length.isdigit()):
            raise InvalidRequest("The header 'content-length' is not a number.")
        return int(length)

    def _leaves_much_unread(self) -> bool:
        length = self.headers.get("content-length", "")
        return "transfer-encoding" in self.headers or (length.isdigit() and int(length) > _DISCARDED)


class Leaving:
    """Cancels the work in its block once the caller has gone, from `watch` on; the block then ends quietly.

        with Leaving(receive, told) as leaving:
            ...                 # the body is read here: `receive` is still ours
            leaving.watch()
            ...                 # from here on the caller's leaving cancels what is awaited

    A cancellation that comes from elsewhere (the server going down) goes on as it came. `told`: see LEFT; None where
    the caller's leaving is a message. `task` does the work; None: the one that enters the block.
    """

    __slots__ = ("_receive", "_task", "_told", "_watcher", "left")

    def __init__(
        self,
        receive: Receive | None,
        told: list[Callable[[], None]] | None,
        task: asyncio.Task[Any] | None = None,
    ) -> None:
        self.left = False
        self._receive = receive
        self._told = told
        self._watcher: asyncio.Task[None] | None = None
        self._task = task

    def reason(self) -> GatewayError:
        """Why the work was cancelled, when it was."""
        return CallCancelled("The caller left.") if self.left else going_down()

    def __enter__(self) -> Leaving:
        if self._task is None:
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


def _label(value: str) -> str:
    """The caller's own request id if it is 1 to 128 visible ASCII characters, else ""."""
    return value if 0 < len(value) <= 128 and _VISIBLE.issuperset(value) else ""
