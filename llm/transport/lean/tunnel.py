"""CONNECT: a proxy carries the bytes of a TLS connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, cast

from llm.transport import failures
from llm.transport.lean.destination import Destination, Proxy

_LONGEST_HEAD: Final = 16 * 1024
_END: Final = b"\r\n\r\n"


def connect_request(to: Destination, via: Proxy) -> bytes:
    """The proxy learns the destination and its own credentials, nothing else."""
    host = f"[{to.host}]" if ":" in to.host else to.host
    lines = [f"CONNECT {host}:{to.port} HTTP/1.1", f"Host: {host}:{to.port}"]
    if via.authorization:
        lines.append(f"Proxy-Authorization: {via.authorization}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Tunnel(asyncio.Protocol):
    """The connection to the proxy, until it is one to the destination."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[None] = loop.create_future()
        self._head = b""

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    async def open(self, request: bytes) -> None:
        """UpstreamUnreachable where the proxy does not agree."""
        self.transport.write(request)
        await self._answer

    def drop(self) -> None:
        """At once, whatever the event loop has made of it."""
        if self._transport is not None:
            with suppress(AttributeError):  # asyncio's TLS: it was closed twice (by its peer, then by start_tls)
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it

    def data_received(self, data: bytes) -> None:
        if self._answer.done():
            return
        self._head += data
        end = self._head.find(_END)
        if end < 0 and len(self._head) <= _LONGEST_HEAD:
            return
        if _agreed(self._head) and end == len(self._head) - len(_END):
            self.transport.pause_reading()  # what comes next is not ours to read
            self._answer.set_result(None)
        else:
            self._refused()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._refused()

    def _refused(self) -> None:
        self._answer.set_exception(failures.proxy_refused())
        self._answer.exception()  # where nobody waits for it any more, the loop need not complain


def _agreed(head: bytes) -> bool:
    version, _, rest = head.partition(b" ")
    return version in (b"HTTP/1.1", b"HTTP/1.0") and rest[:1] == b"2" and rest[:3].isdigit()
