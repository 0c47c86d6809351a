"""What a provider can make the lean transport hold is bounded: heads, trailers, bodies that nobody reads."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing

import msgspec
import pytest

from llm.errors import UpstreamError, UpstreamMalformed
from llm.spec import Connection
from llm.transport.base import Transport
from llm.transport.lean import LeanTransport, exchange, wire
from tests.support.raw_peer import OK, Peer, ask, at_rest, listening, until
from tests.support.upstream_tls import authority
from tests.support.wire import read

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
TLS = Connection(verify=authority().ca_path, allow_private=True)
ENDLESS = (  # name, how it begins, what comes then without end
    ("status line", b"HTTP/1.1 200 ", b"x" * 4096),
    ("header", b"HTTP/1.1 200 OK\r\nx: ", b"y" * 4096),
    ("headers", b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 100),
    ("interim answers", b"", b"HTTP/1.1 102 Processing\r\nx: y\r\n\r\n" * 50),
    ("trailer", CHUNKED + b"1\r\nx\r\n0\r\nx: ", b"y" * 4096),
    ("trailers", CHUNKED + b"1\r\nx\r\n0\r\n", b"x: y\r\n" * 100),
    ("chunk's extension", CHUNKED + b"1\r\nx\r\n2;", b"y" * 4096),
)


def sends(pieces: Iterable[bytes]) -> Callable[[Peer], Awaitable[None]]:
    """These, once it is asked; then the connection's end."""

    async def serve(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)
            await asyncio.sleep(0)

    return serve


@pytest.mark.parametrize(("begins", "goes_on"), [row[1:] for row in ENDLESS], ids=[row[0] for row in ENDLESS])
async def test_what_has_no_end_is_given_up(begins: bytes, goes_on: bytes) -> None:
    sent = 0

    async def serve(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(begins)
        while sent < 64 * 1024 * 1024:
            await peer.send(goes_on)
            sent += len(goes_on)
            await asyncio.sleep(0)

    async with listening(serve) as (port, _), aclosing(LeanTransport()) as transport:
        with pytest.raises(UpstreamMalformed, match="no valid HTTP"):
            await read(transport, ask(port))
        await at_rest(transport)
        assert sent < 16 * 1024 * 1024


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        (b"x: " + b"y" * (wire.MAX_FIELD_BYTES - 1) + b"\r\n", True),
        (b"x: " + b"y" * wire.MAX_FIELD_BYTES + b"\r\n", False),
        (b"x: y\r\n" * (wire.MAX_HEADERS - 1), True),  # and content-length
        (b"x: y\r\n" * wire.MAX_HEADERS, False),
    ],
    ids=["a long field", "too long a field", "many fields", "too many fields"],
)
async def test_heads_are_limited(fields: bytes, fits: bool) -> None:
    async with (
        listening(sends([OK.replace(b"\r\n", b"\r\n" + fields, 1)])) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        if fits:
            assert await read(transport, ask(port)) == b"ok"
        else:
            with pytest.raises(UpstreamMalformed):
                await read(transport, ask(port))
        await at_rest(transport)


async def test_trailers_are_not_counted_among_the_fields_of_a_head() -> None:
    body = CHUNKED + b"1\r\nx\r\n0\r\n" + b"x: y\r\n" * (2 * wire.MAX_HEADERS) + b"\r\n"
    async with listening(sends([body])) as (port, _), aclosing(LeanTransport()) as transport:
        assert await read(transport, ask(port)) == b"x"
        await at_rest(transport)


async def test_a_long_body_may_come_in_many_small_chunks_and_end_in_trailers() -> None:
    body = CHUNKED + b"1\r\nx\r\n" * 60_000 + b"0\r\nx-sum: 1\r\n\r\n"  # more framing than a head may be long
    async with (
        listening(sends([body[at : at + 5000] for at in range(0, len(body), 5000)])) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        assert await read(transport, ask(port)) == b"x" * 60_000
        await at_rest(transport)


async def test_an_encoding_that_nobody_asked_for_is_named_as_such() -> None:
    async with (
        listening(sends([OK.replace(b"\r\n", b"\r\ncontent-encoding: sdch\r\n", 1)])) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        with pytest.raises(UpstreamMalformed, match="decompressed"):
            await read(transport, ask(port))
        await at_rest(transport)


async def test_interim_answers_leave_nothing_to_the_answer() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n"
    async with (
        listening(sends([interim, b"HTTP/1.1 200 OK\r\n\r\nuntil the end"])) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        assert await read(transport, ask(port)) == b"until the end"


@pytest.mark.parametrize(("method", "says"), [("POST", True), ("DELETE", True), ("GET", False)])
async def test_a_request_without_a_body_says_so_where_one_is_expected(
    transport: Transport, method: str, says: bool
) -> None:
    async def serve(peer: Peer) -> None:
        heads.append((await peer.reader.readuntil(b"\r\n\r\n")).lower())
        await peer.send(OK)

    heads: list[bytes] = []
    async with listening(serve) as (port, _):
        assert await read(transport, msgspec.structs.replace(ask(port, body=b""), method=method)) == b"ok"
    assert (b"\r\ncontent-length: 0\r\n" in heads[0]) is says


async def test_a_servers_offer_to_upgrade_is_no_fault() -> None:
    offer = OK.replace(b"\r\n", b"\r\nupgrade: h2,h2c\r\nconnection: Upgrade, Keep-Alive\r\n", 1)
    async with listening(sends([offer])) as (port, _), aclosing(LeanTransport()) as transport:
        assert await read(transport, ask(port)) == b"ok"
        await at_rest(transport)


class Flood:
    """Sends without end as fast as it is taken; `sent` counts what left its hands."""

    def __init__(self, *, to_the_end: int = 0) -> None:
        self.sent = 0
        self.size = to_the_end

    async def __call__(self, peer: Peer) -> None:
        peer.writer.transport.set_write_buffer_limits(high=1, low=0)
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for number in itertools.count():
            piece = number.to_bytes(4, "big") * 16 * 1024
            await peer.send(piece)
            self.sent += len(piece)
            if self.size and self.sent >= self.size:
                return


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_reader_that_stops_stops_the_provider(scheme: str) -> None:
    flood = Flood(to_the_end=48 * 1024 * 1024)
    context = authority().server_context() if scheme == "https" else None
    async with listening(flood, tls=context) as (port, _), aclosing(LeanTransport()) as transport:
        answer = await transport.send(ask(port, scheme=scheme, connection=TLS))
        first = await anext(answer.chunks())
        seen, still = -1, 0
        while still < 20:  # nothing moves any more
            still = still + 1 if flood.sent == seen else 0
            seen = flood.sent
            await asyncio.sleep(0.01)
        assert flood.sent < 24 * 1024 * 1024  # sockets' buffers, by far the most of it
        assert answer._size <= exchange.HIGH + 512 * 1024
        rest = b"".join([piece async for piece in answer.chunks()])
        whole = b"".join(number.to_bytes(4, "big") * 16 * 1024 for number in range(flood.size // 65536))
        assert first + rest == whole
        await answer.aclose()
        await at_rest(transport)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_paused_answer_that_is_left_ends_its_connection(scheme: str) -> None:
    context = authority().server_context() if scheme == "https" else None
    async with listening(Flood(), tls=context) as (port, peers), aclosing(LeanTransport()) as transport:
        answer = await transport.send(ask(port, scheme=scheme, connection=TLS))
        await until(lambda: answer.source.paused)
        await answer.aclose()
        await at_rest(transport)
        with pytest.raises(UpstreamError):
            await answer.read()
        await until(lambda: peers[0].writer.is_closing())
