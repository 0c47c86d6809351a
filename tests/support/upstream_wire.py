"""HTTP/1.1 by hand, for a server that can also do wrong: resets, cuts, stalls, garbage.

`Received` is one request as it came, `Exchange` is what a behaviour answers it with.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import responses
from typing import Literal
from urllib.parse import unquote

Dialect = Literal["openai_chat", "anthropic_messages", "gemini"]

GEMINI = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^/]+):(?P<verb>[A-Za-z]+)")
_HEAD_LIMIT = 256 * 1024
_LINGER_RESET = struct.pack("ii", 1, 0)  # close() with unsent data dropped: the peer sees a TCP reset


@dataclass(frozen=True, slots=True)
class Received:
    """One request. Header names are lower case; `number` counts from 1 over the server, `connection` likewise."""

    number: int
    connection: int
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object. Raises ValueError where it is none."""
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("the body is no JSON object")
        return value

    @property
    def dialect(self) -> Dialect:
        if GEMINI.fullmatch(self.path):
            return "gemini"
        anthropic = self.path == "/v1/messages" or "anthropic-version" in self.headers
        return "anthropic_messages" if anthropic else "openai_chat"

    @property
    def model(self) -> str:
        """The model that is asked, in the body or in the path; "" where none is named."""
        if (gemini := GEMINI.fullmatch(self.path)) is not None:
            return unquote(gemini["model"])
        try:
            return str(self.json.get("model", ""))
        except ValueError:
            return ""

    @property
    def stream(self) -> bool:
        """Whether a stream is asked for: by the body, at Gemini by the path. False where there is no JSON body."""
        if (gemini := GEMINI.fullmatch(self.path)) is not None:
            return gemini["verb"] == "streamGenerateContent"
        try:
            return self.json.get("stream") is True
        except ValueError:
            return False


async def read_request(reader: asyncio.StreamReader, *, number: int, connection: int) -> Received | None:
    """The next request, or None where the peer closed instead. A malformed one raises ValueError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _version = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    path, _, query = target.partition("?")
    try:
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Received(number, connection, method, path, query, headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    pieces = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass
    return b"".join(pieces)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers, with the empty line that ends them."""
    lines = [
        f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Exchange:
    """One request and the way to answer it. Times given to `delay` are multiplied by the server's time scale.

    `finished` is true once a whole answer was handed to the socket, `closed` once this side hung up; the connection
    is kept only where the first holds and the second does not. `release` is the event that a test sets to let a held
    answer go on.
    """

    def __init__(
        self, request: Received, writer: asyncio.StreamWriter, *, time_scale: float, release: asyncio.Event
    ) -> None:
        self.request = request
        self.release = release
        self.finished = False
        self.closed = False
        self.keep_alive = request.headers.get("connection", "").lower() != "close"
        self._writer = writer
        self._time_scale = time_scale

    async def delay(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds * self._time_scale)

    async def raw(self, data: bytes) -> None:
        """Bytes as they are, no framing."""
        if self._writer.transport.is_closing():
            raise ConnectionResetError  # uvloop would raise a RuntimeError
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """A whole answer with content-length."""
        framed = {"content-length": str(len(body)), **headers}
        await self.raw(head(status, framed) + (b"" if self.request.method == "HEAD" else body))
        self.finished = True

    async def begin(self, headers: Mapping[str, str], status: int = 200) -> None:
        """The head of a chunked answer."""
        await self.raw(head(status, {"transfer-encoding": "chunked", **headers}))

    async def chunk(self, data: bytes) -> None:
        if data:
            await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """The end of a chunked answer."""
        await self.raw(b"0\r\n\r\n")
        self.finished = True

    def close(self) -> None:
        """FIN after what was sent; the connection is not kept, whatever was answered."""
        self.closed = True
        self._writer.close()

    def reset(self) -> None:
        """RST: what was sent and not yet read by the peer may be lost."""
        self.closed = True
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self._writer.transport.abort()


class Connection(asyncio.StreamReaderProtocol):
    """A stream protocol that tells when the peer has gone, also while nobody reads."""

    def __init__(self, on_connect: object, loop: asyncio.AbstractEventLoop) -> None:
        self.gone = asyncio.Event()
        super().__init__(asyncio.StreamReader(limit=_HEAD_LIMIT, loop=loop), on_connect, loop=loop)

    def eof_received(self) -> bool:
        super().eof_received()
        self.gone.set()
        return False  # a peer that has closed its side wants nothing more: close ours

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.gone.set()
