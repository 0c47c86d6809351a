"""The official OpenAI client on the surfaces beside chats, with only base_url and api_key changed."""

from __future__ import annotations

import openai
import pytest

from tests.llm.http.serving import Serving
from tests.llm.http.test_sdks import openai_client
from tests.support.upstream import FakeUpstream
from tests.support.upstream_surfaces import SOUND, VECTOR

OA = "oa/gpt-4o"


async def test_embeddings(door: Serving) -> None:
    """The client asks for base64 by itself, and unpacks it."""
    async with openai_client(door) as client:
        answer = await client.embeddings.create(model=OA, input=["Hello"])
        assert answer.data[0].embedding == pytest.approx(VECTOR)
        assert answer.usage.prompt_tokens == 3
        echoed = await client.embeddings.create(model="e/echo", input="Hello there", dimensions=16)
        assert (len(echoed.data[0].embedding), echoed.usage.prompt_tokens) == (16, 2)
        with pytest.raises(openai.BadRequestError, match="embeddings"):
            await client.embeddings.create(model="an/claude-sonnet-4-5", input="Hello")


async def test_moderations_and_images(door: Serving) -> None:
    async with openai_client(door) as client:
        assert (await client.moderations.create(model=OA, input="x")).results[0].flagged
        image = await client.images.generate(model=OA, prompt="a cat")
        assert image.data is not None and image.data[0].b64_json == "AAAA"


async def test_speech_streams(door: Serving) -> None:
    async with (
        openai_client(door) as client,
        client.audio.speech.with_streaming_response.create(model=OA, voice="alloy", input="Hello") as response,
    ):
        assert response.headers["content-type"] == "audio/mpeg"
        assert b"".join([piece async for piece in response.iter_bytes()]) == b"".join(SOUND)


async def test_transcriptions_and_translations(door: Serving, provider: FakeUpstream) -> None:
    async with openai_client(door) as client:
        heard = await client.audio.transcriptions.create(model=OA, file=("a.mp3", b"".join(SOUND)), language="en")
        assert heard.text == "heard"
        assert (await client.audio.translations.create(model=OA, file=("a.mp3", b"x"))).text == "heard"
    assert b"".join(SOUND) in provider.requests[0].body
    assert b"\r\n\r\ngpt-4o\r\n" in provider.requests[0].body


async def test_completions(door: Serving) -> None:
    async with openai_client(door) as client:
        whole = await client.completions.create(model=OA, prompt="Say")
        assert (whole.choices[0].text, whole.usage and whole.usage.completion_tokens) == ("one two", 2)
        stream = await client.completions.create(model=OA, prompt="Say", stream=True)
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks) == "one two"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert [record.endpoint for record in await door.records(2)] == ["completions", "completions"]
