"""Streams that are silent for long, and callers that read slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import anthropic
import msgspec
import openai
import pytest

from llm.snapshot import Snapshot
from tests.llm.http.serving import Raw, Serving, chat, message
from tests.llm.service.snapshots import KEY
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held_stream
from tests.support.upstream_wire import Exchange

COMMENT = b": keep-alive\n\n"
PATHS = {"/v1/chat/completions": b"[DONE]", "/v1/messages": b"message_stop"}
MODELS = ["oa/gpt-4o", "an/claude-sonnet-4-5"]
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def door(config: Snapshot) -> AsyncIterator[Serving]:
    """A stream that is silent for 20 ms gets a comment."""
    async with Serving(config, keep_alive=0.02) as serving:
        yield serving


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("path", "end"), PATHS.items())
async def test_a_silent_stream_gets_comments_and_then_goes_on(
    door: Serving, provider: FakeUpstream, path: str, end: bytes, model: str
) -> None:
    provider.default = held_stream(after=4)
    client = await Raw.connect(door)
    await client.send(path, msgspec.json.encode(message(model, stream=True)), connection="close")
    head = await client.until(COMMENT) + await client.until(COMMENT)
    assert b"data:" in head and end not in head
    provider.release()
    assert end in await client.rest()
    client.leave()
    assert (await door.record()).status == "succeeded"


async def test_the_official_clients_pass_comments_over(door: Serving, provider: FakeUpstream) -> None:
    async def released(comments: Raw) -> None:
        """Until somebody else's silent stream has had comments, so that this one has had them too."""
        await comments.until(COMMENT)
        await comments.until(COMMENT)
        provider.release()

    provider.default = held_stream("one two three", after=4)
    watching = await Raw.connect(door)
    async with (
        openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key=KEY) as chats,
        anthropic.AsyncAnthropic(base_url=door.url, api_key=KEY) as messages,
    ):
        chunks = await chats.chat.completions.create(model="oa/gpt-4o", messages=HELLO, stream=True)
        events = messages.messages.stream(model="an/claude-sonnet-4-5", max_tokens=50, messages=HELLO)
        async with events as told:
            await watching.send("/v1/chat/completions", msgspec.json.encode(chat("oa/gpt-4o", stream=True)))
            release = asyncio.create_task(released(watching))
            said = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])
            assert "three" in said
            assert "three" in await told.get_final_text()
            await release
    watching.leave()


async def test_a_caller_that_reads_slowly_slows_the_provider_down(door: Serving, provider: FakeUpstream) -> None:
    """Far more than sockets hold is not taken from the provider: it would lie in the gateway's memory."""
    piece, most = b"x" * 65_536, 1_000
    sent = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.begin({"content-type": "text/event-stream"})
        for _ in range(most):
            delta = {"index": 0, "delta": {"content": piece.decode()}, "finish_reason": None}
            await exchange.chunk(b"data: " + msgspec.json.encode({"id": "c", "choices": [delta]}) + b"\n\n")
            sent += 1

    provider.default = flood
    client = await Raw.connect(door)
    client.writer.transport.pause_reading()
    await client.send("/v1/chat/completions", msgspec.json.encode(chat("oa/gpt-4o", stream=True)))
    await stands_still(lambda: sent)
    assert 0 < sent < most / 2
    client.leave()
    await provider.wait_disconnect()
    assert (await door.record()).status == "cancelled"


async def stands_still(count: Callable[[], int], *, looks: int = 20) -> None:
    """Until the count, once it is there, has not changed for so many looks in a row."""
    same, last = 0, 0
    async with asyncio.timeout(30):
        while same < looks:
            await asyncio.sleep(0.05)
            same, last = (same + 1 if last and count() == last else 0), count()
