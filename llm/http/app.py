"""The data plane's ASGI application: a route table and a catch-all, no framework.

`owns(path)` tells the composing application which paths are served here; everything else is the control plane's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import msgspec

from llm import sync
from llm.errors import GatewayError, InternalError, MethodNotAllowed, UnknownPath
from llm.http import calls, models, reply, silence
from llm.http.direct import DirectExchange, Line
from llm.http.exchange import BODY_LIMIT, AsgiExchange, Exchange, Header, Receive, Scope, Send
from llm.service import Gateway
from llm.spec import Dialect

logger = logging.getLogger(__name__)

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
_PROBE_HEADERS: Final[tuple[Header, ...]] = (reply.JSON, (b"cache-control", b"no-store"))
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
        self._body_limit = body_limit
        self._keep_alive = keep_alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(AsgiExchange(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def direct(self, line: Line, path: str, headers: Mapping[str, str], body: bytes) -> Coroutine[Any, Any, None]:
        """Answers a call to one of `DIRECT`. Header names in lower case."""
        exchange = DirectExchange(line, path, headers, body)
        return self._guarded(exchange, path, _ERROR_DIALECTS[path], self._call(exchange, _DOORS[path]))

    async def _serve(self, exchange: Exchange) -> None:
        path = exchange.path.rstrip("/") or "/"
        dialect = _dialect(path, exchange.headers)
        await self._guarded(exchange, path, dialect, self._dispatch(exchange, path, dialect))

    async def _guarded(self, exchange: Exchange, path: str, dialect: Dialect, work: Awaitable[None]) -> None:
        """Does the work; what fails before a response has begun becomes one."""
        try:
            await work
        except GatewayError as error:
            if isinstance(error, InternalError):
                _log_defect(exchange)
            extra = [(b"allow", ", ".join(_methods(path)).encode())] if isinstance(error, MethodNotAllowed) else []
            await reply.refuse(exchange, error, dialect, *extra)
        except Exception:
            _log_defect(exchange)
            if exchange.started:
                raise  # half an answer is out: the server cuts the connection
            await reply.refuse(exchange, InternalError("The gateway failed."), dialect)

    async def _dispatch(self, exchange: Exchange, path: str, dialect: Dialect) -> None:
        if exchange.method not in _methods(path):
            raise MethodNotAllowed(f"The method {exchange.method} is not allowed here.")
        door = _DOORS.get(path)
        if door is not None:
            await self._call(exchange, door)
        elif path == "/health":
            await exchange.respond(200, _PROBE_HEADERS, b'{"status":"ok"}')
        elif path == "/ready":
            await self._ready(exchange)
        elif path == "/v1/models":
            await models.listing(exchange, self._gateway(), dialect)
        else:
            await models.single(exchange, self._gateway(), dialect, path.removeprefix("/v1/models/"))

    def _call(self, exchange: Exchange, door: calls.Door | calls.FormDoor) -> Coroutine[Any, Any, None]:
        return calls.serve(exchange, self._gateway, door, body_limit=self._body_limit, keep_alive=self._keep_alive)

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
            _PROBE_HEADERS,
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


def _log_defect(exchange: Exchange) -> None:
    names = {"call_id": exchange.call_id, "request_id": exchange.request_id}
    logger.exception("a request failed unexpectedly", extra=names)


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


_ERROR_DIALECTS: Final = {path: _dialect(path, {}) for path in _DOORS}
