"""A server on loopback that answers with given bytes, right or wrong, piece by piece, and tells what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Ending = Literal["keep", "close", "reset"]
PROBE: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nprobe"
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_RESET: Final = struct.pack("ii", 1, 0)  # close() drops what is left: the peer sees a TCP reset


@dataclass(frozen=True, slots=True)
class Script:
    """What one request is answered with. `endless` is sent after the pieces until the peer goes away; `early`: the
    request's body is not read before, or after."""

    pieces: tuple[bytes, ...]
    ending: Ending = "keep"
    endless: bytes = b""
    early: bool = False


def cuts(raw: bytes, *, most: int) -> Iterator[tuple[bytes, ...]]:
    """Whole, byte by byte, and in two at up to `most` places: at every one where there are so few."""
    yield (raw,)
    if len(raw) < 4096:
        yield tuple(raw[at : at + 1] for at in range(len(raw)))
    places = range(1, len(raw))
    for at in places[:: max(1, -(-len(places) // most))]:
        yield raw[:at], raw[at:]


class RawServer:
    """Each request takes the next script; without one it is answered with `PROBE`. Connections count from 1."""

    def __init__(self) -> None:
        self.served: list[int] = []
        """The connection of each request."""
        self.open: set[int] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._scripts: deque[Script] = deque()
        self._played = asyncio.Event()
        self._connections = 0
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def script(self, script: Script) -> None:
        self._scripts.append(script)
        self._played.clear()

    async def played(self) -> None:
        """Returns once the script was sent to its end, or its reader has gone."""
        await asyncio.wait_for(self._played.wait(), 10)

    async def gone(self, connection: int) -> None:
        """Returns once this connection has ended on our side too."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: connection not in self.open), 5)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        task = asyncio.create_task(self._serve(self._connections, reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(number)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._answered(number, reader, writer):
                    pass
        finally:
            writer.close()
            async with self._changed:
                self.open.discard(number)
                self._changed.notify_all()

    async def _answered(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serves one request; does the connection go on?"""
        head = await reader.readuntil(b"\r\n\r\n")
        self.served.append(number)
        script = self._scripts.popleft() if self._scripts else Script((PROBE,))
        try:
            if not script.early and (length := _LENGTH.search(head)):
                await reader.readexactly(int(length[1]))
            await _play(script, writer)
        finally:
            if not self._scripts:
                self._played.set()
        if script.early:
            with contextlib.suppress(OSError):
                await reader.read()
        return script.ending == "keep" and not script.early


async def _play(script: Script, writer: asyncio.StreamWriter) -> None:
    for piece in script.pieces:
        if writer.is_closing():  # uvloop's would raise a RuntimeError
            raise ConnectionResetError
        writer.write(piece)
        await taken()
    while script.endless:
        if writer.is_closing():
            raise ConnectionResetError
        writer.write(script.endless)
        await writer.drain()
        await taken()
    if script.ending == "reset":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
    elif script.ending == "close":
        writer.close()
    await taken()


async def taken() -> None:
    """Lets a peer on the same loop read what was just sent, before anything more is: one look of the loop at its
    sockets follows the write, and one more the end of the reader's own work."""
    for _ in range(3):
        await asyncio.sleep(0)
