"""Callers that bend HTTP, over bare sockets: no request is made of another's bytes, none is served twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
import pytest

from gateway_project.supervisor import protocol
from gateway_project.supervisor.heads import Heads
from gateway_project.supervisor.line import Line
from gateway_project.supervisor.protocol import MOST_FIELDS, MOST_HEAD_BYTES, Protocol
from llm.snapshot import Snapshot
from tests.llm.http.serving import Raw, Serving, chat
from tests.llm.service.snapshots import KEY
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, held_stream, text
from tests.support.upstream_wire import Exchange

LINE = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
AUTH = f"authorization: Bearer {KEY}\r\n".encode()
BODY = msgspec.json.encode(chat("oa/gpt-4o"))
LENGTH = b"content-length: %d\r\n" % len(BODY)
GOOD = LINE + AUTH + LENGTH + b"\r\n" + BODY
CHUNKED = b"transfer-encoding: chunked\r\n"
H2C = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
INVALID = b"HTTP/1.1 400"


@pytest.fixture
async def door(config: Snapshot, provider: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    monkeypatch.setattr(protocol, "_heads", Heads())
    async with Serving(config) as serving:
        yield serving


async def whole(client: Raw) -> bytes:
    """The next response that tells its length."""
    head = await client.until(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    async with asyncio.timeout(5):
        return head + await client.reader.readexactly(length)


async def send(client: Raw, *packets: bytes) -> None:
    """Each is read by itself."""
    for packet in packets:
        client.writer.write(packet)
        for _ in range(5):
            await asyncio.sleep(0)


async def said(door: Serving, *packets: bytes) -> bytes:
    """All that a connection answers to these packets until it is closed."""
    client = await Raw.connect(door)
    await send(client, *packets)
    return await client.rest()


@pytest.mark.parametrize("known", [False, True], ids=["a new head", "a known one"])
@pytest.mark.parametrize(
    "data",
    [
        LINE + AUTH + LENGTH + LENGTH + b"\r\n" + BODY,
        LINE + AUTH + LENGTH + b"content-length: 4\r\n\r\n" + BODY,
        LINE + AUTH + LENGTH + CHUNKED + b"\r\n" + BODY,
        LINE + AUTH + CHUNKED + LENGTH + b"\r\n" + BODY,
        LINE + AUTH + b"transfer-encoding: identity\r\n" + LENGTH + b"\r\n" + BODY,
        LINE + AUTH + LENGTH + b" folded\r\n\r\n" + BODY,
        LINE + AUTH[:-2] + b"\n" + LENGTH + b"\r\n" + BODY,
        LINE + AUTH[:-2] + b"\r" + LENGTH + b"\r\n" + BODY,
        LINE + AUTH + LENGTH.replace(b":", b" :") + b"\r\n" + BODY,
        LINE + AUTH + b"x: a\0b\r\n" + LENGTH + b"\r\n" + BODY,
        b"\r\n" + LENGTH + LINE + AUTH + b"\r\n" + BODY,
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
async def test_what_two_readers_may_read_differently_is_refused(
    door: Serving, provider: FakeUpstream, data: bytes, known: bool
) -> None:
    client = await Raw.connect(door)
    if known:
        for first in (GOOD, b"\r\n" + GOOD):
            client.writer.write(first)
            assert (await whole(client)).startswith(b"HTTP/1.1 200")
    client.writer.write(data)
    rest = await client.rest()
    assert rest.startswith(INVALID) and rest.count(b"HTTP/1.1") == 1
    assert len(provider.requests) == (2 if known else 0)


async def test_a_trailer_is_no_header(door: Serving, provider: FakeUpstream) -> None:
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
    client = await Raw.connect(door)
    client.writer.write(LINE + CHUNKED + b"\r\n" + chunk + AUTH + b"\r\n")
    assert (await whole(client)).startswith(b"HTTP/1.1 401")
    assert provider.requests == []


@pytest.mark.parametrize("cut", [None, 20, -len(BODY), -5], ids=["whole", "in the head", "behind it", "in the body"])
async def test_an_offer_of_another_protocol_is_passed_over(door: Serving, cut: int | None) -> None:
    """As Java's client makes it with its first request. The body stays the body."""
    data = LINE + AUTH + H2C + LENGTH + b"\r\n" + BODY
    client = await Raw.connect(door)
    await send(client, *([data] if cut is None else [data[:cut], data[cut:]]))
    assert (await whole(client)).startswith(b"HTTP/1.1 200")
    client.writer.write(GOOD + data + GOOD)
    for _ in range(3):
        assert (await whole(client)).startswith(b"HTTP/1.1 200")
    assert len(await door.records(4)) == 4


async def test_the_body_of_an_offer_is_no_request(door: Serving, provider: FakeUpstream) -> None:
    length = b"content-length: %d\r\n\r\n" % len(GOOD)
    client = await Raw.connect(door)
    await send(client, LINE + AUTH + H2C + length, GOOD)
    assert b"not valid JSON" in await whole(client)
    await send(client, LINE + AUTH + H2C.replace(b"Upgrade,", b"close, upgrade,") + length, GOOD)
    rest = await client.rest()
    assert rest.startswith(INVALID) and rest.count(b"HTTP/1.1") == 1 and b"not valid JSON" in rest
    assert provider.requests == []


@pytest.mark.parametrize(
    "packets",
    [
        [LINE + b"x: " + b"a" * MOST_HEAD_BYTES + b"\r\n\r\n"],
        [LINE + b"x: ", *[b"a" * 10_000] * 7],
        [LINE + b"x: a\r\n" * MOST_FIELDS + b"\r\n"],
        [LINE, *[b"x: abcdefgh\r\n" * 1000] * 6],
        [b"GET /", *[b"a" * 10_000] * 7],
    ],
    ids=["a long field", "an endless field", "many fields", "endless fields", "an endless path"],
)
async def test_a_head_that_is_too_large_is_refused(door: Serving, packets: list[bytes]) -> None:
    rest = await said(door, *packets)
    assert rest.startswith(b"HTTP/1.1 431") and rest.count(b"HTTP/1.1") == 1
    head, _, body = rest.partition(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(body) in head and b"connection: close" in head


async def test_endless_trailers_end_the_connection(door: Serving, provider: FakeUpstream) -> None:
    begun = LINE + AUTH + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nx: "
    assert (await said(door, begun, *[b"a" * 10_000] * 7)).startswith(b"HTTP/1.1 431")
    assert (await door.record()).status == "cancelled"
    assert provider.requests == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_caller_that_leaves_with_more_in_the_line_ends_its_call(
    door: Serving, provider: FakeUpstream, stream: bool
) -> None:
    provider.default = held_stream(after=2) if stream else held(text("never"))
    client = await Raw.connect(door)
    body = msgspec.json.encode(chat("oa/gpt-4o", stream=stream))
    client.writer.write(LINE + AUTH + b"content-length: %d\r\n\r\n" % len(body) + body + GOOD)
    await provider.wait_request()
    if stream:
        await client.until(b"data:")
    client.leave()
    await provider.wait_disconnect()
    assert (await door.record()).status == "cancelled"
    assert len(provider.requests) == 1


async def test_nothing_is_written_into_a_response_under_way(door: Serving, provider: FakeUpstream) -> None:
    provider.default = held_stream(after=2)
    client = await Raw.connect(door)
    body = msgspec.json.encode(chat("oa/gpt-4o", stream=True))
    client.writer.write(LINE + AUTH + b"content-length: %d\r\n\r\n" % len(body) + body)
    await client.until(b"data:")
    client.writer.write(b"no http\r\n\r\n")
    rest = await client.rest()
    assert b"HTTP/1.1" not in rest and not rest.endswith(b"0\r\n\r\n")
    await provider.wait_disconnect()
    assert (await door.record()).status == "cancelled"


class Impatient(Protocol):
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.timeout_keep_alive = 0.2  # type: ignore[assignment]  # reason: uvicorn counts whole seconds


@pytest.mark.parametrize("begun", [b"", LINE], ids=["nothing", "half a head"])
async def test_a_connection_without_a_request_is_closed(config: Snapshot, begun: bytes) -> None:
    async with Serving(config, protocol=Impatient) as door:
        assert await said(door, begun) == b""


async def test_a_head_that_comes_drop_by_drop_is_not_waited_for(config: Snapshot) -> None:
    async with Serving(config, protocol=Impatient) as door:
        client = await Raw.connect(door)
        client.writer.write(LINE + b"x: ")
        more = asyncio.create_task(client.rest())
        drops = 0
        while not more.done() and drops < 100:
            client.writer.write(b"a")
            await asyncio.wait([more], timeout=0.03)
            drops += 1
        assert 3 < drops < 100
        assert await more == b""


async def test_pieces_of_one_turn_are_told_to_be_too_many(door: Serving) -> None:
    """A caller that does not read bounds what is kept for it, though nothing is written before the turn's end."""
    taken: list[int] = []

    class Eager:
        @staticmethod
        async def direct(line: Line) -> None:
            line.keep_alive = False
            await line.start(200, b"")
            line._protocol.outbox._at_once = 0  # as where it is busy
            while line.put(b"x" * 10_000) and len(taken) < 5000:
                taken.append(1)
            await line.finish()

    door.app = Eager()
    assert (await said(door, GOOD)).endswith(b"0\r\n\r\n")
    assert 0 < len(taken) < 5000


async def test_a_server_that_goes_down_answers_all_that_are_in_the_line(
    config: Snapshot, provider: FakeUpstream
) -> None:
    provider.script(held(text("first")), text("second"))
    async with Serving(config) as door:
        client = await Raw.connect(door)
        client.writer.write(GOOD + GOOD)
        await provider.wait_request()
        for one in list(door._server.server_state.connections):
            one.shutdown()
        provider.release()
        first, rest = await whole(client), await client.rest()
        assert b"first" in first and rest.startswith(b"HTTP/1.1 200") and b"second" in rest
        assert b"connection: close\r\n" in rest
        assert door._server.server_state.tasks == set()


async def test_a_caller_that_does_not_read_stops_its_provider(door: Serving, provider: FakeUpstream) -> None:
    """What is kept for it is bounded: the provider is not read on, until it leaves."""
    piece = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"x" * 1000)
    sent = 0

    async def endless(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.begin({"content-type": "text/event-stream"})
        while True:
            await exchange.chunk(piece * 100)
            sent += 100 * len(piece)

    provider.default = endless
    client = await Raw.connect(door)
    client.writer.transport.pause_reading()
    body = msgspec.json.encode(chat("oa/gpt-4o", stream=True))
    client.writer.write(LINE + AUTH + b"content-length: %d\r\n\r\n" % len(body) + body)
    await provider.wait_request()
    before = -1
    async with asyncio.timeout(20):
        while sent != before:
            before = sent
            with suppress(TimeoutError):
                await provider.wait_disconnect(seconds=0.5)
    assert 0 < sent < 64 * 1024 * 1024
    client.leave()
    await provider.wait_disconnect()
    assert (await door.record()).status == "cancelled"
