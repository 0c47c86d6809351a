"""Callers that leave, and streams as they flow: the first byte at once, the last one after the record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from gateway_project.supervisor.protocol import Protocol
from llm.observe.record import CallRecord
from llm.observe.spool import MemorySink
from llm.snapshot import Snapshot
from tests.llm.http.serving import Raw, Serving, chat, message
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, held_stream, text

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
PATHS = [CHAT, MESSAGES]
MODELS = ["oa/gpt-4o", "an/claude-sonnet-4-5"]


@pytest.fixture(params=["httptools", Protocol], ids=["any server", "ours"])
async def door(config: Snapshot, request: Any) -> AsyncIterator[Serving]:
    """A caller's leaving is told by ASGI's message, and by the protocol of `run_api` directly."""
    async with Serving(config, protocol=request.param) as serving:
        yield serving


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("path", PATHS)
async def test_leaving_a_whole_answer_cancels_the_upstream(
    door: Serving, provider: FakeUpstream, path: str, model: str
) -> None:
    provider.default = held(text("never"))
    client = await Raw.connect(door)
    await client.send(path, msgspec.json.encode(message(model)))
    await provider.wait_request()
    client.leave()
    await provider.wait_disconnect()
    record = await door.record()
    assert (record.status, record.http_status, record.error_code) == ("cancelled", 499, "cancelled")
    assert (record.project, record.attempts, record.model) == ("default", 1, model.partition("/")[2])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("path", PATHS)
async def test_leaving_a_stream_cancels_the_upstream(
    door: Serving, provider: FakeUpstream, path: str, model: str
) -> None:
    provider.default = held_stream(after=4)
    client = await Raw.connect(door)
    await client.send(path, msgspec.json.encode(message(model, stream=True)))
    await client.until(b"data:")  # the first byte is here though the provider has not gone on
    client.leave()
    await provider.wait_disconnect()
    record = await door.record()
    assert (record.status, record.http_status, record.stream) == ("cancelled", 499, True)
    assert record.time_to_first_token_ms is not None


async def test_the_gateway_serves_on_after_callers_have_left(door: Serving, provider: FakeUpstream) -> None:
    provider.default = held_stream(after=2)
    clients = [await Raw.connect(door) for _ in range(10)]
    for client in clients:
        await client.send(CHAT, msgspec.json.encode(chat("oa/gpt-4o", stream=True)))
    for client in clients:
        await client.until(b"data:")
        client.leave()
    await provider.wait_disconnect(10)
    provider.default = None
    assert (await door.post(CHAT, chat("oa/gpt-4o"))).status == 200
    records = await door.records(11)
    assert [record.status for record in records].count("cancelled") == 10
    async with asyncio.timeout(5):
        await provider.wait_until(lambda: provider.open_connections <= 1)


class Gate(MemorySink):
    """Tells when a record is about to be written, by a flag that the test reads."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[bytes] = []
        self.seen = bytearray()

    def write(self, record: CallRecord) -> None:
        self.at.append(bytes(self.seen))
        super().write(record)


@pytest.mark.parametrize(("path", "end"), [(CHAT, b"[DONE]"), (MESSAGES, b"message_stop")])
@pytest.mark.parametrize("model", MODELS)
async def test_the_last_event_leaves_after_the_record(
    config: Snapshot, provider: FakeUpstream, path: str, end: bytes, model: str
) -> None:
    """The door's own `send` is watched: what had been sent when the record was written held no end."""
    sink = Gate()
    provider.default = held_stream(after=4)
    async with Serving(config, sink=sink) as door:
        app = door.app

        async def watched(scope, receive, send):
            async def seen(event):
                sink.seen += event.get("body", b"")
                await send(event)

            await app(scope, receive, seen)

        door.app = watched
        client = await Raw.connect(door)
        await client.send(path, msgspec.json.encode(message(model, stream=True)), connection="close")
        await client.until(b"data:")
        provider.release()
        assert end in await client.rest()
        client.leave()
    (before,) = sink.at
    assert b"data:" in before
    assert end not in before and b'"finish_reason":"stop"' not in before and b"message_delta" not in before


async def test_a_server_that_goes_down_ends_a_stream_in_band(config: Snapshot, provider: FakeUpstream) -> None:
    provider.default = held_stream(after=3)
    async with Serving(config) as door:
        client = await Raw.connect(door)
        await client.send(CHAT, msgspec.json.encode(chat("oa/gpt-4o", stream=True)), connection="close")
        await client.until(b"data:")
        door.cancel_requests()
        rest = await client.rest()
        assert b"no_healthy_upstream" in rest
        assert b"[DONE]" not in rest
        record = await door.record()
        assert (record.status, record.error_code) == ("failed", "no_healthy_upstream")
        client.leave()
