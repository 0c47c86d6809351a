"""Events of their own kind (a transcript's, a sound's, a picture's): passed on as they are, and understood enough."""

from __future__ import annotations

import aiohttp
import msgspec
import pytest
from openai import APIError

from tests.llm.http.serving import Serving
from tests.llm.http.test_forms import FILE, MODEL, TYPE, form
from tests.llm.http.test_sdks import openai_client
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import SSE, pieces
from tests.support.upstream_wire import Exchange

OA = "oa/gpt-4o"
USAGE = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
SPEECH = {"model": OA, "input": "Hello", "voice": "alloy", "stream_format": "sse"}


def event(**fields: object) -> bytes:
    return b"data: " + msgspec.json.encode(fields) + b"\n\n"


DELTA = event(type="transcript.text.delta", delta='I said "usage" and "error"')
STREAMS = {
    "audio/transcriptions": [DELTA, event(type="transcript.text.done", text="I", usage=USAGE)],
    "audio/speech": [event(type="speech.audio.delta", audio="AAAA"), event(type="speech.audio.done", usage=USAGE)],
    "images/generations": [
        b"event: image_generation.partial_image\n" + event(type="image_generation.partial_image", b64_json="AA"),
        b"event: image_generation.completed\n" + event(type="image_generation.completed", b64_json="AAAA", usage=USAGE),
    ],
}


async def ask(door: Serving, surface: str) -> aiohttp.ClientResponse:
    if surface.startswith("audio/t"):
        return await door.session.post(
            f"/v1/{surface}", data=form(MODEL + b"oa/gpt-4o", FILE), headers={"content-type": TYPE}
        )
    return await door.session.post(f"/v1/{surface}", json=SPEECH | {"prompt": "a cat", "stream": True})


@pytest.mark.parametrize("surface", STREAMS)
@pytest.mark.parametrize("cut", [None, 1, 7])
async def test_usage_is_read_of_what_is_passed_on(
    door: Serving, provider: FakeUpstream, surface: str, cut: int | None
) -> None:
    whole = b"".join(STREAMS[surface])
    parts = STREAMS[surface] if cut is None else [whole[at : at + cut] for at in range(0, len(whole), cut)]
    provider.script(pieces(parts))
    async with await ask(door, surface) as response:
        assert (response.status, response.headers["content-type"]) == (200, SSE)
        assert await response.read() == whole
    record = await door.record()
    assert (record.status, record.input_tokens, record.output_tokens) == ("succeeded", 14, 45)


async def test_the_official_client_hears_a_transcript_word_by_word(door: Serving, provider: FakeUpstream) -> None:
    provider.script(pieces(STREAMS["audio/transcriptions"]))
    async with openai_client(door) as client:
        stream = await client.audio.transcriptions.create(model=OA, file=("a.mp3", b"x"), stream=True)
        told = [one async for one in stream]
    assert [one.type for one in told] == ["transcript.text.delta", "transcript.text.done"]
    assert (await door.record()).output_tokens == 45


@pytest.mark.parametrize(
    "error",
    [
        event(error={"message": "It broke: sk-test", "type": "server_error"}),
        b"event: error\n" + event(type="error", error={"message": "It broke"}),
        event(type="error", message="It broke", error=None),
        b"event: error\ndata: It broke\n\n",
    ],
)
async def test_an_error_among_the_events_is_passed_on_and_fails_the_call(
    door: Serving, provider: FakeUpstream, error: bytes
) -> None:
    provider.script(pieces([DELTA, error]))
    got = b""
    with pytest.raises(aiohttp.ClientPayloadError):
        async with await ask(door, "audio/transcriptions") as response:
            async for piece in response.content.iter_any():
                got += piece
    assert got == DELTA + error
    record = await door.record()
    assert (record.status, record.http_status, record.error_code) == ("failed", 200, "upstream_error")


async def test_the_official_client_is_told_of_the_error(door: Serving, provider: FakeUpstream) -> None:
    provider.script(pieces([DELTA, event(error={"message": "It broke"})]))
    async with openai_client(door) as client:
        stream = await client.audio.transcriptions.create(model=OA, file=("a.mp3", b"x"), stream=True)
        with pytest.raises(APIError, match="It broke"):
            [one async for one in stream]


async def test_a_cut_after_the_last_event_is_no_clean_end(door: Serving, provider: FakeUpstream) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.begin({"content-type": SSE})
        await exchange.chunk(b"".join(STREAMS["audio/transcriptions"]))
        exchange.close()

    provider.script(cut)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with await ask(door, "audio/transcriptions") as response:
            await response.read()
    record = await door.record()
    assert (record.status, record.output_tokens) == ("failed", 45)


@pytest.mark.parametrize(
    "strange",
    [
        b'data: {"usage": 7}\n\n',
        b'data: {"usage": {"type": "duration", "seconds": 2}}\n\n',
        b'data: "usage" is no JSON\n\n',
        b"data: \xff\xfe\n\n",
        b': comment\n\ndata: [1, "usage"]',
        b'data: {"type": "transcript.text.done", "usage": {"input_tokens": -1}}\n\n',
    ],
)
async def test_strange_events_cost_no_answer(door: Serving, provider: FakeUpstream, strange: bytes) -> None:
    provider.script(pieces([DELTA, strange]))
    async with await ask(door, "audio/transcriptions") as response:
        assert await response.read() == DELTA + strange
    record = await door.record()
    assert (record.status, record.input_tokens) == ("succeeded", 0)
