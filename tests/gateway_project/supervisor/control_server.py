"""A control process for tests of the relay: a server on a unix socket that keeps what came and answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.upstream_wire import Received, read_request

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class ControlServer:
    """`answer` serves every request; `left` is set when a caller closes before its answer is whole. `heads` are the
    requests' heads as they came, lower case."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.heads: list[str] = []
        self.answer: Answer = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        self.came = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(_Kept(reader, self.heads), number=len(self.requests) + 1, connection=1)
        if request is None:
            self.left.set()
            writer.close()
            return
        self.requests.append(request)
        self.came.set()
        answering = asyncio.ensure_future(self.answer(writer))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            self.left.set()
        answering.cancel()
        leaving.cancel()
        writer.close()


class _Kept(asyncio.StreamReader):
    """Another reader's data; the first line-wise read of it, the head, is kept."""

    def __init__(self, reader: asyncio.StreamReader, heads: list[str]) -> None:
        super().__init__()
        self._reader = reader
        self._heads: list[str] | None = heads

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        data = await self._reader.readuntil(separator)
        if self._heads is not None:
            self._heads.append(data.decode("latin-1").lower())
            self._heads = None
        return data

    async def readexactly(self, n: int) -> bytes:
        return await self._reader.readexactly(n)


def raw(data: bytes) -> Answer:
    """These bytes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer()
    async with await asyncio.start_unix_server(server.serve, path, limit=1024 * 1024):
        yield server
