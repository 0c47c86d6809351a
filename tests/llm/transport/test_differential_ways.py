"""Both transports before the same server: what the reader does, answers out of turn, and those without an end."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest

from llm.spec import Timeouts
from llm.transport.base import Answer, Transport
from tests.support.raw_answers import RawServer, Script
from tests.support.raw_cases import CHUNKS, GZIP, chunked, head, packed, sized
from tests.support.transport_outcomes import PATIENT, Act, observe, whole

SHORT = Timeouts(connect=5, first_byte=0.15, idle=0.15, total=20)
MIB = 1024 * 1024


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with RawServer() as made:
        yield made


async def read_whole(answer: Answer, into: bytearray) -> None:
    into += await answer.read()


async def one_piece(answer: Answer, into: bytearray) -> None:
    async for piece in answer.chunks():
        into += piece
        return


async def nothing(answer: Answer, into: bytearray) -> None:
    return None


async def within(answer: Answer, into: bytearray) -> None:
    into += await answer.read(limit=MIB)


async def twice(answer: Answer, into: bytearray) -> None:
    into += await answer.read()
    into += await answer.read()


@pytest.mark.parametrize("raw", [sized(b"hi"), chunked(b"hi"), packed(GZIP)], ids=["length", "chunked", "gzip"])
async def test_an_answer_that_was_read_is_closed(transport: Transport, server: RawServer, raw: bytes) -> None:
    assert str(await observe(transport, server, Script((raw,)), act=twice)) == "UpstreamUnreachable, kept"


@pytest.mark.parametrize("act", [read_whole, whole, one_piece])
@pytest.mark.parametrize("raw", [sized(b"hi"), chunked(b"hi"), packed(GZIP)], ids=["length", "chunked", "gzip"])
async def test_a_whole_answer_leaves_its_connection(
    transport: Transport, server: RawServer, raw: bytes, act: Act
) -> None:
    assert str(await observe(transport, server, Script((raw,)), act=act)) == "200 hi, kept"


@pytest.mark.parametrize("act", [one_piece, nothing])
@pytest.mark.parametrize("raw", [sized(b"high")[:-2], CHUNKS + b"2\r\nhi\r\n"], ids=["length", "chunked"])
async def test_an_answer_left_early_takes_its_connection_along(
    transport: Transport, server: RawServer, raw: bytes, act: Act
) -> None:
    outcome = await observe(transport, server, Script((raw,)), act=act)
    assert (outcome.error, outcome.kept) == ("", False)
    assert outcome.body == (b"hi" if act is one_piece else b"")


@pytest.mark.parametrize(
    ("raw", "phase"),
    [
        (b"", "first_byte"),
        (sized(b"hi")[:9], "first_byte"),
        (sized(b"hi")[:-2], "first_byte"),
        (CHUNKS, "first_byte"),
        (head(first="HTTP/1.1 100 Continue"), "first_byte"),
        (sized(b"hi")[:-1], "idle"),
        (head() + b"hi", "idle"),
        (CHUNKS + b"2\r\nhi\r\n", "idle"),
        (CHUNKS + b"2\r\nhi\r\n0\r\n", "idle"),
        (packed(GZIP)[:-1], "idle"),
    ],
)
async def test_an_answer_that_stops_is_late(transport: Transport, server: RawServer, raw: bytes, phase: str) -> None:
    outcome = await observe(transport, server, Script((raw,)), timeouts=SHORT)
    assert str(outcome) == f"UpstreamTimeout {phase}, closed"


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"", b"HTTP/1.1 200 OK\r\nx: "),
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 1000),
        (b"HTTP/1.1 200 OK\r\nx", b"y" * 1000),
        (b"HTTP/1.1 200 ", b"y" * 1000),
        (CHUNKS, b"10000\r\n" + bytes(65536) + b"\r\n"),
        (head(), bytes(65536)),
        (head("content-length: 9999999999"), bytes(65536)),
        (head("content-encoding: gzip"), gzip.compress(bytes(MIB))),
    ],
    ids=["heads", "headers", "value", "name", "reason", "chunks", "to the end", "length", "members"],
)
async def test_an_answer_without_an_end_is_bounded(
    transport: Transport, server: RawServer, begin: bytes, more: bytes
) -> None:
    tracemalloc.start()
    try:
        outcome = await observe(transport, server, Script((begin,), endless=more), act=within)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(outcome) == "UpstreamMalformed, closed"
    assert peak < 16 * MIB


async def test_an_endless_chunk_extension(transport: Transport, server: RawServer, kind: str) -> None:
    """aiohttp reads on until the time is up; the lean transport counts it among the bytes of a head."""
    endless = Script((CHUNKS + b"2;",), endless=b"a=b;" * 1000)
    outcome = await observe(transport, server, endless, timeouts=PATIENT if kind == "lean" else SHORT)
    assert str(outcome) == ("UpstreamMalformed, closed" if kind == "lean" else "UpstreamTimeout first_byte, closed")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "many members"])
@pytest.mark.parametrize("act", [within, one_piece])
async def test_a_bomb_is_unpacked_as_it_is_read(
    transport: Transport, server: RawServer, encoding: str, act: Act
) -> None:
    plain = bytes(64 * MIB)
    made = {
        "gzip": lambda: gzip.compress(plain),
        "deflate": lambda: zlib.compress(plain),
        "raw deflate": lambda: zlib.compress(plain)[2:-4],
        "many members": lambda: gzip.compress(bytes(MIB)) * 64,
    }[encoding]()
    raw = chunked(made, lines=(f"content-encoding: {'deflate' if 'deflate' in encoding else 'gzip'}",))
    tracemalloc.start()
    try:
        outcome = await observe(transport, server, Script((raw,)), act=act)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.error == ("UpstreamMalformed" if act is within else "")
    assert peak < 16 * MIB


async def test_an_answer_before_the_request_was_read(transport: Transport, server: RawServer) -> None:
    """It is given; its connection, on which the rest of the request was still to come, is not used again."""
    early = Script((sized(b"too large", first="HTTP/1.1 413 Too Large"),), early=True)
    outcome = await observe(transport, server, early, body=bytes(32 * MIB), timeouts=PATIENT)
    assert str(outcome) == "413 too large, closed"


async def test_an_answer_and_a_reset_before_the_request_was_read(transport: Transport, server: RawServer) -> None:
    """Which of the two is noticed first is not ours to say; it ends either way, and the next call is served."""
    early = Script((sized(b"no", first="HTTP/1.1 413 Too Large"),), "reset", early=True)
    outcome = await observe(transport, server, early, body=bytes(32 * MIB))
    assert str(outcome) in ("413 no, closed", "UpstreamUnreachable, closed")


async def test_pieces_arrive_as_they_were_cut(transport: Transport, server: RawServer) -> None:
    """What all these tests stand on: the server's pieces are the reader's."""
    sent = [b"one", b"2", b"three", b"4"]
    got: list[bytes] = []

    async def note(answer: Answer, into: bytearray) -> None:
        async for piece in answer.chunks():
            got.append(piece)

    await observe(transport, server, Script((head(), *sent), "close"), act=note)
    assert got == sent
