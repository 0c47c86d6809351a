"""A provider that takes its requests' bodies as they come, and tells how far it is.

async with UploadUpstream() as upstream:
    upstream.hold()                                  # read no further, until `go_on`
    ...                                              # call upstream.url + "/v1/audio/transcriptions"
    await upstream.wait_until(lambda: upstream.uploads[0].size > 0)
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.upstream_wire import head

PIECE = 64 * 1024
HEARD = b'{"text":"heard"}'


@dataclass
class Upload:
    """`whole` or `cut`, once it is over; `kept` is its body up to the first MiB."""

    headers: dict[str, str]
    size: int = 0
    kept: bytearray = field(default_factory=bytearray)
    whole: bool = False
    cut: bool = False
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        self.digest.update(piece)
        if self.size <= 1024 * 1024:
            self.kept += piece


class UploadUpstream:
    """`early`: of each request in turn after how many bytes it is answered, and with which status; its rest counts no
    more. Requests beyond them are read to their end and answered with HEARD."""

    def __init__(self, *early: tuple[int, int]) -> None:
        self.uploads: list[Upload] = []
        self._early = list(early)
        self._reading = asyncio.Event()
        self._reading.set()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> UploadUpstream:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=PIECE)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self) -> None:
        self._reading.clear()

    def go_on(self) -> None:
        self._reading.set()

    async def wait_until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Until it holds; it is looked at after every change. TimeoutError otherwise."""
        async with asyncio.timeout(seconds):
            while not condition():
                await self._changed.wait()

    def _touch(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while await self._serve(reader, writer):
                pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection is kept."""
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        upload = Upload({name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)})
        self.uploads.append(upload)
        after, status = self._early.pop(0) if self._early else (None, 200)
        self._touch()
        try:
            async for piece in _body(reader, upload.headers):
                upload.take(piece)
                self._touch()
                if after is not None and upload.size >= after:
                    writer.write(_answer(status, "close"))
                    await writer.drain()
                    while await reader.read(PIECE):
                        pass  # a close with bytes unread would be a reset, and cost the answer
                    return False
                await self._reading.wait()
            upload.whole = True
            writer.write(_answer(200, "keep-alive"))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            upload.cut = True
        finally:
            self._touch()
        return upload.whole


def _answer(status: int, connection: str) -> bytes:
    told = HEARD if status == 200 else b'{"error":{"message":"No."}}'
    typed = {"content-type": "application/json", "content-length": str(len(told)), "connection": connection}
    return head(status, typed) + told


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    """Raises IncompleteReadError where the peer leaves in the middle."""
    if headers.get("transfer-encoding") != "chunked":
        async for piece in _exactly(reader, int(headers["content-length"])):
            yield piece
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        async for piece in _exactly(reader, size):
            yield piece
        await reader.readexactly(2)
    await reader.readexactly(2)


async def _exactly(reader: asyncio.StreamReader, left: int) -> AsyncIterator[bytes]:
    while left:
        piece = await reader.read(min(left, PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece
