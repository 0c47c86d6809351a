"""A server on loopback that is a coroutine for each connection, and a look at what a lean transport still holds."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from llm.spec import Connection, Timeouts
from llm.transport.base import Outbound
from llm.transport.lean import LeanTransport

Serve = Callable[["Peer"], Awaitable[None]]
LIMITS = Timeouts(connect=5, first_byte=5, idle=5, total=20)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """One connection as the server sees it; `number` counts from 0."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number, self.reader, self.writer = number, reader, writer

    async def request(self) -> tuple[str, bytes]:
        """Path and body of the next request; IncompleteReadError where there is none."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        size = int(head.partition("content-length: ")[2].partition("\r\n")[0] or "0")
        return head.split(" ")[1], await self.reader.readexactly(size)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """RST, and not FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def listening(
    serve: Serve, *, tls: ssl.SSLContext | None = None, limit: int = 65536
) -> AsyncIterator[tuple[int, list[Peer]]]:
    """The port, and the connections that were accepted. A connection is closed when its coroutine ends."""
    peers: list[Peer] = []
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peers.append(Peer(len(peers), reader, writer))
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                await serve(peers[-1])
        except asyncio.CancelledError:
            pass  # the end of the test
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls, limit=limit)
    try:
        yield server.sockets[0].getsockname()[1], peers
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        for peer in peers:
            with suppress(AttributeError):  # of asyncio's TLS transport that was closed twice
                peer.writer.transport.abort()
        await asyncio.sleep(0)


def ask(
    port: int,
    path: str = "/",
    *,
    body: bytes = b"{}",
    connection: Connection | None = None,
    timeouts: Timeouts = LIMITS,
    scheme: str = "http",
    host: str = "127.0.0.1",
) -> Outbound:
    made = connection or Connection(allow_private=True)
    return Outbound("POST", f"{scheme}://{host}:{port}{path}", {}, body, timeouts, made)


async def until(condition: Callable[[], object], *, seconds: float = 5.0) -> None:
    """Lets the loop run until it is so; AssertionError where it never is."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, "not so in time"
        await asyncio.sleep(0.005)


def held(transport: LeanTransport) -> dict[str, int]:
    """What is not at rest: all are 0 once no call is under way."""
    hosts = transport._hosts.values()
    sweeper = transport._sweeper
    return {
        "in use": sum(host.open - len(host.idle) for host in hosts),
        "queued": sum(len(host._queue) for host in hosts),
        "unowned": sum(abs(host.open - len(host._wires)) for host in hosts),
        "waiting": len(sweeper._waiting) if sweeper is not None else 0,
        "obtaining": len(transport._obtaining),
    }


async def at_rest(transport: LeanTransport, *, seconds: float = 5.0) -> None:
    await until(lambda: not any(held(transport).values()), seconds=seconds)


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
