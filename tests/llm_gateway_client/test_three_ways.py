"""Over HTTP, by Celery and in process: the same results, and the same errors."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from llm_gateway_client import FinishReason, InterventionContext, LLMConfig, LLMGatewayError, LLMRequest, LLMResponse
from llm_gateway_client.client import Client
from tests.llm_gateway_client.ways import COST_USD, Setting, Way
from tests.support import upstream_faults as faults
from tests.support.eventually import eventually
from tests.support.upstream_answers import Tokens, ToolCall
from tests.support.upstream_behaviours import answer, text, tools
from tests.support.upstream_thread import ThreadedUpstream

MODEL = "fake/m"
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def ask(prompt: Any = "Hello", **config: Any) -> LLMRequest:
    return LLMRequest(prompt, LLMConfig(**{"model_identifier": MODEL, **config}))


async def streamed(client: Client, request: LLMRequest) -> LLMResponse:
    """What the last chunk says; its text is that of the pieces."""
    chunks = [chunk async for chunk in client.generate_stream(request)]
    last = chunks[-1]
    assert [chunk.is_final for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert last.response is not None
    assert "".join(chunk.delta_text for chunk in chunks) == (last.response.generated_content or "")
    assert (last.finish_reason, last.usage) == (last.response.finish_reason, last.response.usage)
    return last.response


async def test_an_answer(client: Client, upstream: ThreadedUpstream) -> None:
    tokens = Tokens(9, 5, cached=3, reasoning=2)
    upstream.script(text("Hello there.", tokens=tokens), text("Hello there.", tokens=tokens))
    request = LLMRequest("Hi", LLMConfig(MODEL), request_id="label-1")
    for found in (await client.generate(request), await streamed(client, request)):
        assert (found.generated_content, found.finish_reason) == ("Hello there.", FinishReason.STOP)
        assert (found.request_id, found.provider, found.model) == ("label-1", "fake", "m")
        assert found.usage is not None and found.error_details is None
        assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (9, 5, 14)
        assert (found.usage.cached_tokens, found.usage.reasoning_tokens) == (3, 2)
        assert found.call_id and found.revision is not None
        assert found.performance_metrics.latency_ms > 0 and found.performance_metrics.attempts == 1
        assert found.raise_for_error() is found


async def test_what_it_costs(client: Client, upstream: ThreadedUpstream) -> None:
    upstream.script(text("Hello there.", tokens=Tokens(9, 5)))
    found = await client.generate(ask())
    assert found.usage is not None and found.usage.cost_usd == pytest.approx(COST_USD)


@pytest.mark.parametrize("reason", [("length", "length"), ("content_filter", "content_filtered")])
async def test_other_ends(client: Client, upstream: ThreadedUpstream, reason: tuple[str, str]) -> None:
    upstream.script(text("Hel", finish=reason[0]), text("Hel", finish=reason[0]))
    assert (await client.generate(ask())).finish_reason == reason[1]
    assert (await streamed(client, ask())).finish_reason == reason[1]


async def test_tool_calls(client: Client, upstream: ThreadedUpstream) -> None:
    calls = (ToolCall("weather", '{"city": "Paris"}', "call_1"), ToolCall("weather", "{}", "call_2"))
    upstream.script(tools(*calls), tools(*calls))
    request = LLMRequest("Hi", LLMConfig(MODEL), tools=[WEATHER], tool_choice="required")
    for found in (await client.generate(request), await streamed(client, request)):
        assert found.finish_reason is FinishReason.TOOL_CALLS
        told = [(call.id, call.name, call.arguments) for call in found.tool_use_requests]
        assert told == [("call_1", "weather", {"city": "Paris"}), ("call_2", "weather", {})]
    assert upstream.requests[-1].json["tool_choice"] == "required"


async def test_all_of_a_request_arrives(client: Client, upstream: ThreadedUpstream) -> None:
    config = LLMConfig(MODEL, 0.5, 20, 0.9, ["END"], 0.1, 0.2, 30, "Be brief.", {"seed": 7})
    context = InterventionContext(history=[{"role": "assistant", "content": "Yes?"}], user_id="u-1")
    found = await client.generate(LLMRequest([{"type": "text", "text": "Hi"}], config, context))
    assert found.generated_content == "echo: Hi"
    body = upstream.requests[-1].json
    assert [message["role"] for message in body["messages"]] == ["system", "assistant", "user"]
    assert {name: body[name] for name in ("temperature", "top_p", "stop", "seed")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 7,
    }


async def test_the_context_reaches_the_record(way: Way, client: Client, setting: Setting) -> None:
    context = InterventionContext("label-2", "s-1", "c-1", "u-1", "k-1", tags={"team": "x"})
    found = await client.generate(LLMRequest("Hi", LLMConfig("echo"), context))
    tags = {"session_id": "s-1", "conversation_id": "c-1", "correlation_id": "k-1", "team": "x"}
    if way.name == "in-process":  # a gateway of its own: it has no database
        record = client.recent_calls[-1]  # type: ignore[attr-defined]  # reason: the local client's own
        assert (record.request_id, record.end_user, record.tags) == ("label-2", "u-1", tags)
        return
    call = eventually(lambda: _call(setting, found.call_id))
    assert (call["request_id"], call["end_user"], call["tags"]) == ("label-2", "u-1", tags)


def _call(setting: Setting, call_id: str) -> dict[str, Any] | None:
    answer = setting.gateway.rest("GET", f"/calls/{call_id}")
    return answer.json() if answer.status_code == 200 else None


FAILURES = [
    ("nowhere/m", None, "model_not_found", 404, False, "gateway"),
    ("keyless/k", None, "upstream_credentials_exhausted", 502, False, "provider"),
    ("key-refused", faults.refuse(401), "upstream_credentials_exhausted", 502, False, "provider"),
    ("context", faults.context_length_exceeded(), "context_length_exceeded", 400, False, "provider"),
    ("filtered", faults.content_policy(), "content_filtered", 400, False, "provider"),
    ("too-large", faults.refuse(413), "request_too_large", 413, False, "provider"),
    ("refused", faults.refuse(400), "invalid_request", 400, False, "provider"),
    ("busy", faults.rate_limited(0.01), "rate_limit_exceeded", 429, True, "provider"),
    ("failed", faults.server_error(), "upstream_error", 502, True, "provider"),
    ("gave-up", faults.refuse(408), "upstream_timeout", 504, True, "provider"),
    ("garbage", answer(body=b"<html>"), "upstream_error", 502, True, "provider"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=[row[0] for row in FAILURES])
async def test_errors(way: Way, client: Client, upstream: ThreadedUpstream, failure: tuple[Any, ...]) -> None:
    name, upstream.default, code, status, retryable, source = failure
    request = ask(model_identifier=name if "/" in name else f"{name}.{way.name}/m")
    for found in (await client.generate(request), await streamed(client, request)):
        assert found.finish_reason is FinishReason.ERROR and found.error_details is not None
        told = found.error_details
        assert (told.code, told.status, told.retryable, told.source) == (code, status, retryable, source)
        assert told.message and told.request_id == found.request_id
        with pytest.raises(LLMGatewayError) as caught:
            found.raise_for_error()
        assert caught.value.code == code


async def test_a_body_that_cannot_be_served(client: Client) -> None:
    found = (await client.generate(ask(extra={"temperature": "hot"}))).error_details
    assert found is not None and (found.code, found.retryable) == ("invalid_request", False)
    assert "temperature" in found.message


async def test_past_its_time_a_call_ends(way: Way, client: Client, upstream: ThreadedUpstream) -> None:
    upstream.default = faults.silence()
    before = upstream.disconnects
    request = ask(timeout_seconds=0.2)
    for found in (await client.generate(request), await streamed(client, request)):
        assert found.error_details is not None
        assert (found.error_details.code, found.error_details.retryable) == ("upstream_timeout", True)
    if way.leaves:
        upstream.wait_disconnect(before + 2)


async def test_a_call_can_be_cancelled(way: Way, client: Client, upstream: ThreadedUpstream) -> None:
    upstream.script(faults.silence())
    count, before = len(upstream.requests), upstream.disconnects
    calling = asyncio.create_task(client.generate(ask()))
    await asyncio.to_thread(upstream.wait_request, count + 1)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    if way.leaves:
        await asyncio.to_thread(upstream.wait_disconnect, before + 1)
    assert (await client.generate(ask("still here"))).generated_content == "echo: still here"


async def test_a_stream_comes_in_pieces_where_the_way_has_streams(way: Way, client: Client) -> None:
    chunks = [chunk async for chunk in client.generate_stream(ask("one two three"))]
    assert (len(chunks) > 3) is way.streams
    assert chunks[0].delta_text == ("echo:" if way.streams else "echo: one two three")


async def test_a_stream_that_is_cut(way: Way, client: Client, upstream: ThreadedUpstream) -> None:
    upstream.script(*[faults.cut(after=4)] * (1 if way.streams else 0))
    found = await streamed(client, ask("one two three"))
    if way.streams:
        assert found.error_details is not None and found.error_details.code == "upstream_error"
        assert found.generated_content
    else:
        assert found.generated_content == "echo: one two three"


async def test_a_batch_with_partial_failures(client: Client) -> None:
    requests = [ask(f"n{n}", model_identifier="nowhere/m" if n % 4 == 0 else MODEL) for n in range(12)]
    seen: list[int] = []
    found = await client.generate_batch(requests, max_concurrency=4, on_progress=lambda done, *_: seen.append(done))
    assert seen == list(range(1, 13))
    for number, response in enumerate(found):
        if number % 4 == 0:
            assert response.error_details is not None and response.error_details.code == "model_not_found"
        else:
            assert response.generated_content == f"echo: n{number}"


async def test_chat(client: Client) -> None:
    found = await client.chat([{"role": "user", "content": "Hi"}], model=MODEL, max_tokens=1)
    assert (found.generated_content, found.finish_reason) == ("echo:", FinishReason.LENGTH)


async def test_embeddings(client: Client) -> None:
    found = await client.embed(["one text", "another", "one text"], "echo/echo", dimensions=8)
    assert [len(vector) for vector in found.vectors] == [8, 8, 8]
    assert found.vectors[0] == found.vectors[2] != found.vectors[1]
    assert (found.provider, found.model) == ("echo", "echo")
    assert found.usage is not None and found.usage.prompt_tokens == 5
    with pytest.raises(LLMGatewayError) as caught:
        await client.embed("x", "nowhere/m")
    assert (caught.value.code, caught.value.retryable) == ("model_not_found", False)


async def test_its_health(client: Client) -> None:
    health = await client.health_check()
    assert health["healthy"] is True and health["door"] in ("http", "celery", "local")
    assert (await client.warmup_providers())["healthy"] is True


def test_without_awaiting(way: Way, setting: Setting) -> None:
    with way.client(setting) as client:
        assert client.generate_sync(ask("sync")).generated_content == "echo: sync"
        pieces = [chunk.delta_text for chunk in client.generate_stream_sync(ask("one two"))]
        assert "".join(pieces) == "echo: one two"
        answers: list[LLMResponse] = []
        threads = [threading.Thread(target=lambda: answers.append(client.generate_sync(ask("t")))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [one.generated_content for one in answers] == ["echo: t"] * 4
