"""A body that is sent while it comes, beside the wait for its answer."""

from __future__ import annotations

import asyncio
from typing import Protocol

from llm.errors import GatewayError
from llm.transport import failures
from llm.transport.base import Stream
from llm.transport.lean.exchange import Exchange


class Outlet(Protocol):
    """The connection, as far as an upload goes."""

    def carries(self, exchange: Exchange) -> bool: ...

    def put(self, piece: bytes) -> None: ...

    async def flushed(self) -> None: ...

    def uploaded(self) -> None: ...


def begin(loop: asyncio.AbstractEventLoop, wire: Outlet, exchange: Exchange, stream: Stream) -> None:
    """`exchange` ends the task when its answer is over or given up."""
    exchange.upload = loop.create_task(_send(wire, exchange, stream))


async def _send(wire: Outlet, exchange: Exchange, stream: Stream) -> None:
    """The next piece is asked for once the operating system has taken the last one."""
    size = 0
    error: GatewayError = failures.broke()
    whole = False
    try:
        async for piece in stream:
            size += len(piece)
            if not wire.carries(exchange) or _too_much(size, stream.length):
                return
            wire.put(piece if stream.length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
            await wire.flushed()
        whole = stream.length is None or size == stream.length
        if whole and wire.carries(exchange):
            if stream.length is None:
                wire.put(b"0\r\n\r\n")
            wire.uploaded()
    except GatewayError as raised:
        error = raised
    finally:
        if not whole:
            exchange.cut(error)


def _too_much(size: int, length: int | None) -> bool:
    """More than was announced would be read as another request."""
    return length is not None and size > length
