"""Hands a request on to the control process over its unix socket, and the answer back, both as streams."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from llm.http.exchange import LEFT, Leaving

PEER: Final = "x-gateway-peer"  # "address port" of the caller; believed by the control process only (control.py)
# RFC 9110, section 7.6.1: what belongs to one connection. `expect` was answered by our own server.
HOP_BY_HOP: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "expect"),
    )
)
OWN: Final = frozenset(("date", "server"))  # of the server at the port
TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_connect=5, sock_read=600)
LINE_LIMIT: Final = 64 * 1024


class Relay:
    """An ASGI application. A caller that leaves ends its request; while the control process is away the answer is 503
    with retry-after."""

    def __init__(self, control: Path) -> None:
        self._control = str(control)
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        answer = _Answer(send)
        leaving = Leaving(receive, scope.get(LEFT))
        with leaving:
            try:
                await self._hand_on(scope, receive, answer, leaving)
            except aiohttp.ClientConnectorError:
                await answer.refuse(503, "The control process is away; it is being started.")
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                if answer.started:
                    raise  # half an answer is out: the server cuts the connection
                await answer.refuse(502, "The control process did not answer.")

    async def _hand_on(self, scope: dict[str, Any], receive: Any, answer: _Answer, leaving: Leaving) -> None:
        body = _body(receive, leaving) if _has_body(scope["headers"]) else None
        if body is None:
            leaving.watch()
        request = self._client().request(
            scope["method"], _url(scope), headers=_request_headers(scope), data=body, allow_redirects=False
        )
        async with request as response:
            await answer.start(response.status, response.raw_headers)
            async for piece in response.content.iter_any():
                await answer.piece(piece)
        await answer.finish()

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A connection for each request: none can be found closed by the other side, and they cost little here.
                connector=aiohttp.UnixConnector(self._control, limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
                auto_decompress=False,
                timeout=TIMEOUT,
                max_line_size=LINE_LIMIT,
                max_field_size=LINE_LIMIT,
            )
        return self._session


class _Answer:
    def __init__(self, send: Any) -> None:
        self.started = False
        self._send = send

    async def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.started = True
        kept = [(name.lower(), value) for name, value in headers]
        dropped = HOP_BY_HOP | OWN | _named_in_connection(kept)
        kept = [(name, value) for name, value in kept if name.decode("latin-1") not in dropped]
        await self._send({"type": "http.response.start", "status": status, "headers": kept})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def refuse(self, status: int, detail: str) -> None:
        body = json.dumps({"detail": detail}).encode()
        headers = [(b"content-type", b"application/json"), (b"retry-after", b"1"), (b"cache-control", b"no-store")]
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.piece(body)
        await self.finish()


def _url(scope: dict[str, Any]) -> URL:
    """The path as the caller wrote it: encoded slashes in a model's name stay encoded."""
    target = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return URL(f"http://control{target}?{query}" if query else f"http://control{target}", encoded=True)


def _request_headers(scope: dict[str, Any]) -> CIMultiDict[str]:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    dropped = HOP_BY_HOP | _named_in_connection(headers) | {PEER}
    kept: CIMultiDict[str] = CIMultiDict()
    for raw, value in headers:
        name = raw.decode("latin-1")
        # WSGI cannot tell x_a from x-a: names with an underscore could pass for ours.
        if name not in dropped and "_" not in name:
            kept.add(name, value.decode("utf-8", "replace"))
    host, port = scope.get("client") or ("", 0)
    kept[PEER] = f"{host} {port}"
    return kept


def _named_in_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[str]:
    values = [value.decode("latin-1") for name, value in headers if name == b"connection"]
    # Not the body's length: a request whose end nobody knows would be another one.
    return frozenset(part.strip().lower() for value in values for part in value.split(",")) - {"content-length", "host"}


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


async def _body(receive: Any, leaving: Leaving) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("The caller left before its request was whole.")
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)
    leaving.watch()
