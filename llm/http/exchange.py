"""One HTTP request and its response over ASGI, and the watch for a caller that leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from types import TracebackType
from typing import Any, Final

from llm.errors import InvalidRequest
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
# Where a server has this in its scope, it takes (status, headers, body) of a whole response, and tells whether it did.
RESPOND: Final = "llm_gateway.respond"
# Where a server has this in its scope, it takes a piece of a response under way at once, and tells whether it can take
# more; while it cannot, pieces go by ASGI's messages.
PUT: Final = "llm_gateway.put"
# Rests of a refused body up to this size are read and thrown away by the server, so that the caller sees the answer and
# keeps its connection; larger ones end with it.
_DISCARDED: Final = 1024 * 1024


class Exchange:
    """`headers` have lower-case names. `call` is set by a door as soon as there is one: its trail goes into the
    headers of the answer, also of errors."""

    __slots__ = (
        "_body_read",
        "_send",
        "call",
        "call_id",
        "headers",
        "method",
        "path",
        "receive",
        "request_id",
        "scope",
        "started",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.call_id = call_id.new()
        self.request_id = _label(self.headers.get("x-request-id", "")) or self.call_id
        self.call: Call | None = None
        self.receive = receive
        self.started = False
        self._send = send
        self._body_read = False

    def incoming(self, limit: int, *, whole: Callable[[], None]) -> Incoming:
        """The body; `whole` is called once all of it is here. RequestTooLarge where it tells of more than `limit`
        bytes."""

        def ended() -> None:
            self._body_read = True
            whole()

        return Incoming(self.receive, length=self._announced(), limit=limit, whole=ended)

    async def respond(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A whole response."""
        short = self.scope.get(RESPOND)
        if short is not None and self._body_read and short(status, headers, body):
            self.started = True
            return
        await self.start(status, (*headers, (b"content-length", b"%d" % len(body))))
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        self.started = True
        closing = () if self._body_read or not self._leaves_much_unread() else ((b"connection", b"close"),)
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *closing]})

    async def piece(self, data: bytes) -> None:
        """A part of a response under way; returns once the connection can take more."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    @property
    def put(self) -> Callable[[bytes], bool] | None:
        """`piece` without waiting: takes the data in any case, and tells whether more may come that way."""
        found: Callable[[bytes], bool] | None = self.scope.get(PUT)
        return found

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

        async with Leaving(receive, scope) as leaving:
            ...                 # the body is read here: `receive` is still ours
            leaving.watch()
            ...                 # from here on the caller's leaving cancels what is awaited

    A cancellation that comes from elsewhere (the server going down) goes on as it came.
    """

    __slots__ = ("_receive", "_task", "_told", "_watcher", "left")

    def __init__(self, receive: Receive, scope: Scope) -> None:
        self.left = False
        self._receive = receive
        self._told: list[Callable[[], None]] | None = scope.get(LEFT)
        self._watcher: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Leaving:
        self._task = asyncio.current_task()
        if self._told is not None:
            self._told.append(self._gone)
        return self

    def watch(self) -> None:
        if self._told is None and self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone()

    def _gone(self) -> None:
        self.left = True
        if self._task is not None:
            self._task.cancel()

    async def __aexit__(
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


def _label(value: str) -> str:
    """The caller's own request id if it is 1 to 128 visible ASCII characters, else ""."""
    return value if 0 < len(value) <= 128 and _VISIBLE.issuperset(value) else ""
