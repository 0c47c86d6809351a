"""A form is passed on while the caller sends it: never whole in memory, never faster than the provider reads it."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway_project.supervisor.protocol import Protocol
from llm.snapshot import Route, RouteTarget, Snapshot
from llm.spec import Connection, Timeouts, TransportName
from tests.llm.http.serving import Raw, Serving
from tests.llm.http.test_forms import FILE, MARK, MODEL, TYPE, form
from tests.llm.http.test_sdks import openai_client
from tests.llm.service.snapshots import openai, snapshot
from tests.support.upstream_uploads import UploadUpstream

PATH = "/v1/audio/transcriptions"
MIB = 1024 * 1024
START = MARK + b"\r\n" + MODEL + b"oa/gpt-4o\r\n" + MARK + b"\r\n" + FILE
END = b"\r\n" + MARK + b"--\r\n"
SENT_START = START.replace(b"oa/", b"")
PATIENT = Timeouts(connect=5, first_byte=20, idle=20, total=60)


def configured(*upstreams: UploadUpstream, transport: TransportName = "lean", **changes: Any) -> Snapshot:
    """`oa/gpt-4o`, and the route `r` from the first of them to the last."""
    changes["connection"] = Connection(allow_private=True, transport=transport)
    named = list(zip(["oa", "second"], upstreams, strict=False))
    targets = tuple(RouteTarget(name, "gpt-4o", priority=at) for at, (name, _) in enumerate(named, 1))
    return snapshot(
        [openai(name, one.url, timeouts=PATIENT, **changes) for name, one in named],
        [f"{name}/gpt-4o" for name, _ in named],
        [Route("r", targets)],
    )


@pytest.fixture
async def sink() -> AsyncIterator[UploadUpstream]:
    async with UploadUpstream() as upstream:
        yield upstream


@pytest.fixture(params=["lean", "aiohttp"])
def transport(request: Any) -> Any:
    return request.param


@pytest.fixture(params=["httptools", Protocol], ids=["any server", "ours"])
async def door(sink: UploadUpstream, request: Any, transport: TransportName) -> AsyncIterator[Serving]:
    async with Serving(configured(sink, transport=transport), protocol=request.param) as serving:
        yield serving


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def begin(door: Serving, first: bytes, *, length: int | None, path: str = PATH) -> Raw:
    """A caller that has sent `first`; without a length it sends in chunks."""
    client = await Raw.connect(door)
    if length is None:
        await client.send_head(path, {"content-type": TYPE, "transfer-encoding": "chunked"})
        client.writer.write(chunk(first))
    else:
        await client.send(path, first, length=length, content_type=TYPE)
    return client


@pytest.mark.parametrize("told", [True, False], ids=["length told", "in chunks"])
async def test_the_provider_has_the_first_bytes_before_the_caller_has_sent_the_last(
    door: Serving, sink: UploadUpstream, told: bool
) -> None:
    rest = b"second" + END
    client = await begin(door, START + b"first", length=len(START + b"first" + rest) if told else None)
    await sink.wait_until(lambda: bool(sink.uploads) and bytes(sink.uploads[0].kept) == SENT_START + b"first")
    client.writer.write(rest if told else chunk(rest) + b"0\r\n\r\n")
    assert b"200 OK" in await client.until(b'{"text":"heard"}')
    (upload,) = sink.uploads
    assert bytes(upload.kept) == SENT_START + b"first" + rest
    assert upload.headers["content-type"] == TYPE
    framing = {name: upload.headers.get(name) for name in ("content-length", "transfer-encoding")}
    assert framing == {
        "content-length": str(upload.size) if told else None,
        "transfer-encoding": None if told else "chunked",
    }
    record = await door.record()
    assert (record.status, record.model, record.endpoint) == ("succeeded", "gpt-4o", "audio/transcriptions")
    client.leave()


async def test_a_large_form_is_never_whole_in_memory(sink: UploadUpstream) -> None:
    piece = bytes(range(256)) * 256
    count = 64 * MIB // len(piece)
    expected = hashlib.sha256(SENT_START + piece * count + END).hexdigest()

    async def body() -> AsyncIterator[bytes]:
        yield START
        for _ in range(count):
            yield piece
        yield END

    async with Serving(configured(sink), body_limit=100 * MIB) as door:
        tracemalloc.start()
        try:
            async with door.session.post(PATH, data=body(), headers={"content-type": TYPE}) as response:
                assert await response.json() == {"text": "heard"}
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sink.uploads[0].digest.hexdigest() == expected
    assert peak < 6 * MIB


async def test_a_provider_that_reads_no_further_stops_the_caller(sink: UploadUpstream) -> None:
    """What the caller gets rid of is what the sockets on the way hold, and a few pieces."""
    total = 64 * MIB
    sent = 0
    async with Serving(configured(sink), body_limit=100 * MIB) as door:
        sink.hold()
        client = await begin(door, START, length=len(START) + total + len(END))
        tracemalloc.start()
        try:
            with pytest.raises(TimeoutError):
                while sent < total:
                    client.writer.write(bytes(MIB // 4))
                    sent += MIB // 4
                    async with asyncio.timeout(1):
                        await client.writer.drain()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sent < total / 2
        assert peak < 6 * MIB
        sink.go_on()
        while sent < total:
            client.writer.write(bytes(MIB // 4))
            sent += MIB // 4
            await client.writer.drain()
        client.writer.write(END)
        assert b"200 OK" in await client.until(b'{"text":"heard"}')
        client.leave()
    assert sink.uploads[0].size == len(SENT_START) + total + len(END)


@pytest.mark.parametrize("told", [True, False], ids=["length told", "in chunks"])
async def test_leaving_in_the_middle_cancels_the_upstream(door: Serving, sink: UploadUpstream, told: bool) -> None:
    client = await begin(door, START + b"first", length=10 * MIB if told else None)
    await sink.wait_until(lambda: bool(sink.uploads) and sink.uploads[0].size > 0)
    client.leave()
    await sink.wait_until(lambda: sink.uploads[0].cut)
    record = await door.record()
    assert (record.status, record.http_status, record.attempts) == ("cancelled", 499, 1)


async def test_leaving_cancels_an_upstream_that_reads_no_further(door: Serving, sink: UploadUpstream) -> None:
    sink.hold()
    client = await begin(door, START + bytes(MIB), length=30 * MIB)
    await sink.wait_until(lambda: bool(sink.uploads) and sink.uploads[0].size > 0)
    client.leave()
    assert (await door.record()).status == "cancelled"
    sink.go_on()
    await sink.wait_until(lambda: sink.uploads[0].cut)


async def test_the_limit_holds_while_sending(sink: UploadUpstream) -> None:
    async with Serving(configured(sink), body_limit=MIB) as door:
        client = await begin(door, START + b"first", length=None)
        await sink.wait_until(lambda: bool(sink.uploads) and sink.uploads[0].size > 0)
        client.writer.write(chunk(bytes(MIB)))
        assert b" 413 " in await client.until(b"request_too_large")
        await sink.wait_until(lambda: sink.uploads[0].cut)
        record = await door.record()
        assert (record.http_status, record.error_code, record.attempts) == (413, "request_too_large", 1)
        client.leave()


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (b"x\r\n" + MARK + b"\r\n" + MODEL + b"again" + END, b"more than once"),
        (b"x\r\n" + MARK + b"junk\r\n", b"no whole multipart form"),
        (b"x" + END[:-8], b"no whole multipart form"),
    ],
)
@pytest.mark.parametrize("told", [True, False], ids=["length told", "in chunks"])
async def test_a_form_that_turns_out_wrong_is_refused_under_way(
    door: Serving, sink: UploadUpstream, rest: bytes, said: bytes, told: bool
) -> None:
    client = await begin(door, START, length=len(START + rest) if told else None)
    await sink.wait_until(lambda: bool(sink.uploads) and sink.uploads[0].size > 0)
    client.writer.write(rest if told else chunk(rest) + b"0\r\n\r\n")
    answered = await client.until(b"request_id")
    assert b" 400 " in answered and said in answered
    await sink.wait_until(lambda: sink.uploads[0].cut)
    assert not sink.uploads[0].whole
    assert (await door.record()).error_code == "invalid_request"
    client.leave()


async def test_a_model_behind_the_file_is_waited_for(door: Serving, sink: UploadUpstream) -> None:
    body = form(FILE + bytes(2 * MIB), MODEL + b"oa/gpt-4o")
    client = await begin(door, body[:-40], length=len(body))
    assert sink.uploads == []
    client.writer.write(body[-40:])
    assert b"200 OK" in await client.until(b'{"text":"heard"}')
    assert sink.uploads[0].headers["content-length"] == str(len(body) - len(b"oa/"))
    client.leave()


async def test_what_is_still_kept_is_sent_to_the_next(sink: UploadUpstream) -> None:
    body = form(MODEL + b"r", FILE + bytes(MIB // 2))
    async with UploadUpstream((1000, 500)) as failing, Serving(configured(failing, sink)) as door:
        client = await begin(door, body[:2000], length=len(body), path=PATH)
        await failing.wait_until(lambda: bool(failing.uploads))
        client.writer.write(body[2000:])
        assert b"200 OK" in await client.until(b'{"text":"heard"}')
        record = await door.record()
        client.leave()
    assert (record.attempts, record.provider) == (2, "second")
    assert bytes(sink.uploads[0].kept) == body.replace(b"\r\n\r\nr\r\n", b"\r\n\r\ngpt-4o\r\n")


async def test_what_is_gone_is_not_sent_again(sink: UploadUpstream) -> None:
    body = form(MODEL + b"r", FILE + bytes(8 * MIB))
    async with UploadUpstream((3 * MIB, 500)) as failing, Serving(configured(failing, sink)) as door:
        answered = await door.post(PATH, body, content_type=TYPE)
        assert (answered.status, answered.json["error"]["code"]) == (502, "upstream_error")
        record = await door.record()
    assert (record.attempts, record.provider, sink.uploads) == (1, "oa", [])


async def test_what_was_not_begun_is_sent_to_the_next_however_large(sink: UploadUpstream) -> None:
    down = UploadUpstream()
    down.url = "http://127.0.0.1:1"
    body = form(MODEL + b"r", FILE + bytes(8 * MIB))
    async with Serving(configured(down, sink)) as door:
        assert (await door.post(PATH, body, content_type=TYPE)).status == 200
        record = await door.record()
    assert (record.attempts, record.provider) == (2, "second")
    assert sink.uploads[0].size == len(body) + len(b"gpt-4o") - len(b"r")


async def test_a_provider_refuses_what_it_has_seen_of_it(sink: UploadUpstream) -> None:
    async with UploadUpstream((1000, 422)) as refusing, Serving(configured(refusing)) as door:
        client = await begin(door, START + bytes(100_000), length=20 * MIB)
        answered = await client.until(b"request_id")
        assert b" 422 " in answered and b"No." in answered
        assert (await door.record()).http_status == 422
        client.leave()


async def test_an_answer_may_come_before_the_last_byte(sink: UploadUpstream) -> None:
    async with UploadUpstream((1000, 200)) as hasty, Serving(configured(hasty)) as door:
        client = await begin(door, START + bytes(100_000), length=20 * MIB)
        assert b"200 OK" in await client.until(b'{"text":"heard"}')
        assert (await door.record()).status == "succeeded"
        client.leave()
    assert hasty.uploads[0].size < MIB


async def test_the_official_client_uploads(door: Serving, sink: UploadUpstream) -> None:
    sound = bytes(range(256)) * 12_000
    async with openai_client(door) as client:
        heard = await client.audio.transcriptions.create(model="oa/gpt-4o", file=("a.mp3", sound), language="en")
    assert heard.text == "heard"
    (upload,) = sink.uploads
    assert upload.headers["content-length"] == str(upload.size)
    assert upload.size > len(sound) and b'name="model"\r\n\r\ngpt-4o\r\n' in upload.kept
