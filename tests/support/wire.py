"""What tests of the wire share: reading an answer to its end, and a small proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from llm.spec import Connection
from llm.transport.base import Outbound, Transport

PRIVATE = Connection(allow_private=True)
MakeOutbound = Callable[..., Outbound]
EMPTY_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"


async def read(transport: Transport, request: Outbound, *, limit: int = 64 * 1024 * 1024) -> bytes:
    """The whole body of the answer, closed."""
    answer = await transport.send(request)
    try:
        return await answer.read(limit)
    finally:
        await answer.aclose()


@asynccontextmanager
async def proxy() -> AsyncIterator[tuple[str, list[bytes]]]:
    """The URL of a proxy that answers plain requests itself and tunnels CONNECT to loopback, and the heads it got."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if heads[-1].startswith(b"CONNECT "):
            await _tunnel(heads[-1], reader, writer)
            return
        writer.write(EMPTY_ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


async def _tunnel(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    port = int(head.split(b" ")[1].rpartition(b":")[2])
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()
