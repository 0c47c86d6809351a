"""The data plane's ASGI application: a route table and a catch-all, no framework.

`owns(path)` tells the composing application which paths are served here; everything else is the control plane's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import msgspec

from llm import sync
from llm.errors import GatewayError, MethodNotAllowed, UnknownPath
from llm.http import calls, models, reply, silence
from llm.http.exchange import BODY_LIMIT, AsgiExchange, Exchange, Receive, Scope, Send
from llm.service import Gateway
from llm.spec import Dialect

_DOORS: Final = {
    "/v1/chat/completions": calls.CHAT,
    "/v1/responses": calls.RESPONSES,
    "/v1/messages": calls.MESSAGES,
    "/v1/messages/count_tokens": calls.COUNT_TOKENS,
    "/generate": calls.GENERATE,
    **calls.SURFACES,
}
DIRECT: Final[Mapping[bytes, str]] = {
    path.encode(): path for path, door in _DOORS.items() if isinstance(door, calls.Door)
}
"""The paths of calls that a server may hand over by `App.direct`: POST, with the whole body."""

_READ: Final = ("GET", "HEAD")
_PROBE_HEAD: Final = reply.JSON + b"cache-control: no-store\r\n"
_encode = msgspec.json.Encoder().encode


def owns(path: str) -> bool:
    """Is this path served by the data plane?"""
    return path.startswith("/v1/") or path.rstrip("/") in ("/v1", "/generate", "/health", "/ready")


class App:
    """`gateway` gives this process's Gateway (`llm.service.current`). `readiness` names what is not ready beside the
    configuration, empty if all is; `modes` tells what this process runs with. `body_limit` in bytes;
    a stream that is silent for `keep_alive` seconds gets a comment."""

    def __init__(
        self,
        gateway: Callable[[], Gateway],
        *,
        readiness: Callable[[], Sequence[str]] = tuple,
        modes: Callable[[], Mapping[str, str]] = dict,
        body_limit: int = BODY_LIMIT,
        keep_alive: float = silence.SECONDS,
    ) -> None:
        self._gateway = gateway
        self._readiness = readiness
        self._modes = modes
        self._desk = calls.Desk(gateway, body_limit, keep_alive)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(AsgiExchange(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def direct(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        """Answers a call to one of `DIRECT`, whose body is here."""
        return self._desk.serve(exchange, _DOORS[exchange.head.path])

    async def _serve(self, exchange: AsgiExchange) -> None:
        path = exchange.head.path.rstrip("/") or "/"
        door = _DOORS.get(path)
        if door is not None and exchange.method == "POST":
            with exchange.leaving:
                await self._desk.serve(exchange, door)
            return
        dialect = _dialect(path, exchange.head.headers)
        try:
            await self._dispatch(exchange, path, dialect)
        except Exception as error:  # noqa: BLE001  # reason: whatever it is, the caller is told
            allowed = ", ".join(_methods(path)).encode() if isinstance(error, MethodNotAllowed) else b""
            await reply.fail(exchange, error, dialect, b"allow: %b\r\n" % allowed if allowed else b"")

    async def _dispatch(self, exchange: AsgiExchange, path: str, dialect: Dialect) -> None:
        if exchange.method not in _methods(path):
            raise MethodNotAllowed(f"The method {exchange.method} is not allowed here.")
        if path == "/health":
            await exchange.respond(200, _PROBE_HEAD, b'{"status":"ok"}')
        elif path == "/ready":
            await self._ready(exchange)
        elif path == "/v1/models":
            await models.listing(exchange, self._gateway(), dialect)
        else:
            await models.single(exchange, self._gateway(), dialect, path.removeprefix("/v1/models/"))

    async def _ready(self, exchange: Exchange) -> None:
        missing = list(self._readiness())
        try:
            configured = self._gateway().holder.ready
        except GatewayError:
            configured = False
        if not configured and "configuration" not in missing:
            missing.insert(0, "configuration")
        status = "not ready" if missing else "ready"
        await exchange.respond(
            503 if missing else 200,
            _PROBE_HEAD,
            _encode({"status": status, "not_ready": missing, "modes": self._modes()}),
        )

    async def _live(self, receive: Receive, send: Send) -> None:
        """The server's loop becomes the process's loop (`llm.sync`) while it runs."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                sync.adopt(asyncio.get_running_loop())
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                sync.adopt(None)
                await self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _close(self) -> None:
        try:
            await self._gateway().aclose()
        except GatewayError:
            return  # there never was one


def _methods(path: str) -> tuple[str, ...]:
    """What a path takes. UnknownPath where there is no such path."""
    if path in _DOORS:
        return ("POST",)
    if path in ("/health", "/ready", "/v1/models") or path.startswith("/v1/models/"):
        return _READ
    raise UnknownPath("There is no such path.")


def _dialect(path: str, headers: Mapping[str, str]) -> Dialect:
    """An error has the dialect of its path; the lists of models that of the client."""
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return "anthropic_messages"
    if "anthropic-version" in headers and (path == "/v1/models" or path.startswith("/v1/models/")):
        return "anthropic_messages"
    return "openai_chat"
