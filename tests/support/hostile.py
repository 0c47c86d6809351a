"""A provider that does what a request's path tells it, be it good or bad: `/<deed>/<number>/<size>`.

Every answer carries its request's number all through, so that a byte of another call's answer shows.
"""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Iterator

from tests.support.raw_peer import Peer

GOOD = ("plain", "chunked", "gzip", "gzip chunked", "to the end", "closing", "closed", "interim", "hinted", "surplus")
BAD = ("reset", "cut", "reset within", "garbage", "stall", "stall within", "refused early")


def body_of(number: int, size: int) -> bytes:
    """What a whole answer to this request holds."""
    mark = b"%d;" % number
    return (mark * (size // len(mark) + 1))[:size]


class Hostile:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    async def __call__(self, peer: Peer) -> None:
        while True:
            head = await peer.reader.readuntil(b"\r\n\r\n")
            deed, number, size = head.split(b" ")[1].decode().replace("%20", " ").strip("/").split("/")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if deed == "refused early":
                await peer.send(_framed(b"no", "413 Too Large"))
                return peer.writer.close()
            if deed == "reset" and self.random.random() < 0.5:
                return peer.reset()  # before the request is read
            await peer.reader.readexactly(length)
            await self._answer(peer, deed, body_of(int(number), int(size)))
            if deed not in GOOD or deed in ("to the end", "closing", "closed"):
                return None

    async def _answer(self, peer: Peer, deed: str, body: bytes) -> None:
        if deed in BAD:
            return await self._fail(peer, deed, body)
        if deed == "to the end":
            return await peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        if deed in ("chunked", "gzip chunked"):
            return await self._chunked(peer, deed, body)
        if deed == "interim":
            await peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
        fields = {"closing": b"connection: close\r\n", "hinted": b"keep-alive: timeout=2\r\n"}.get(deed, b"")
        if deed == "gzip":
            body, fields = gzip.compress(body, 1), b"content-encoding: gzip\r\n"
        await peer.send(_framed(body, fields=fields) + (b"HTTP/1.1 200 OK\r\n" if deed == "surplus" else b""))

    async def _chunked(self, peer: Peer, deed: str, body: bytes) -> None:
        packed = deed == "gzip chunked"
        fields = b"content-encoding: gzip\r\n" if packed else b""
        await peer.send(b"HTTP/1.1 200 OK\r\n" + fields + b"transfer-encoding: chunked\r\n\r\n")
        for piece in self._pieces(gzip.compress(body, 1) if packed else body):
            await peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            if self.random.random() < 0.2:
                await asyncio.sleep(0)
        await peer.send(b"0\r\n" + (b"x-sum: 1\r\n" if packed else b"") + b"\r\n")

    def _pieces(self, body: bytes) -> Iterator[bytes]:
        most = max(2, len(body) // 4)
        while body:
            size = self.random.randint(1, most)
            yield body[:size]
            body = body[size:]

    async def _fail(self, peer: Peer, deed: str, body: bytes) -> None:
        if deed == "garbage":
            return await peer.send(b"\x15\x03\x01 no HTTP at all\r\n\r\n")
        if deed.endswith(("within", "cut")):
            await peer.send(_framed(body + b"...")[:-3])  # so three bytes are missing
        if deed.startswith("reset"):
            return peer.reset()
        if deed.startswith("stall"):
            await peer.reader.read()  # until the client has enough of it


def _framed(body: bytes, status: str = "200 OK", *, fields: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n" % (status.encode(), fields, len(body)) + body
