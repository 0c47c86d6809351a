"""Callers of every endpoint with a Gemini provider behind the gateway; the official clients are the judges."""

from __future__ import annotations

import base64
import struct
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import msgspec
import openai
import pytest

from tests.llm.http.serving import Serving, chat, events, message
from tests.llm.service.snapshots import KEY, snapshot, upstream
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import ToolCall
from tests.support.upstream_behaviours import tools
from tests.support.upstream_surfaces import VECTOR

PRO, FLASH, EMBEDDER = "g/gemini-3-pro-preview", "g/gemini-2.5-flash", "g/gemini-embedding-001"
OSLO = ToolCall("weather", '{"city":"Oslo"}', "fc_1")
ROME = ToolCall("weather", '{"city":"Rome"}', "fc_2")
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
DECLARED = {"functionDeclarations": [{"name": "weather", "parametersJsonSchema": PARAMETERS}]}
ASKED = [{"role": "user", "content": "Weather in Oslo and Rome?"}]
PATHS = {"/v1/chat/completions": chat, "/v1/messages": message}


@pytest.fixture
async def door(provider: FakeUpstream) -> AsyncIterator[Serving]:
    config = snapshot([upstream("g", "gemini", provider.url)], [PRO, FLASH, EMBEDDER])
    async with Serving(config) as serving:
        yield serving


def openai_client(door: Serving) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key=KEY, max_retries=0)


def anthropic_client(door: Serving) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=door.url, api_key=KEY, max_retries=0)


def check_way(provider: FakeUpstream, model: str, *, stream: bool) -> dict[str, Any]:
    """The body of the latest request, which went where Gemini takes it."""
    received = provider.requests[-1]
    verb, query = ("streamGenerateContent", "alt=sse") if stream else ("generateContent", "")
    assert (received.path, received.query) == (f"/v1beta/models/{model.removeprefix('g/')}:{verb}", query)
    assert received.headers["x-goog-api-key"] == "sk-test"
    assert KEY not in str(received.headers)
    return received.json


def check_second_turn(body: dict[str, Any], ids: tuple[str | None, ...], signature: str | None) -> None:
    """What Gemini reads of the calls and what came of them."""
    asked, called, answered = body["contents"]
    assert body["tools"] == [DECLARED]
    assert asked == {"role": "user", "parts": [{"text": ASKED[0]["content"]}]}
    calls = [part["functionCall"] for part in called["parts"] if "functionCall" in part]
    assert [call["args"] for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert [part.get("thoughtSignature") for part in called["parts"] if "functionCall" in part] == [signature, None]
    results = [part["functionResponse"] for part in answered["parts"]]
    assert [(one["name"], one["response"]) for one in results] == [
        ("weather", {"result": "rain"}),
        ("weather", {"result": "sun"}),
    ]
    assert tuple(one.get("id") for one in calls) == tuple(one.get("id") for one in results) == ids


# Gemini 2 knows no ids, Gemini 3 wants a signature, and of a call that it did not sign the stand-in.
GENERATIONS = [(FLASH, (None, None), None), (PRO, ("fc_1", "fc_2"), "skip_thought_signature_validator")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "ids", "signature"), GENERATIONS)
async def test_chat_calls_tools_and_answers(
    door: Serving, provider: FakeUpstream, model: str, ids: Any, signature: str | None, stream: bool
) -> None:
    provider.script(tools(OSLO, ROME, content="I look."))
    known = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
    async with openai_client(door) as client:

        async def ask(messages: list[Any]) -> Any:
            asked = {"model": model, "messages": messages, "tools": known}
            if not stream:
                return await client.chat.completions.create(**asked)
            async with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as told:
                assert [event async for event in told]
                return await told.get_final_completion()

        first = await ask(ASKED)
        choice = first.choices[0]
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", "I look.")
        assert [call.function.arguments for call in choice.message.tool_calls] == [OSLO.arguments, ROME.arguments]
        assert first.usage.completion_tokens == 5
        said = [
            {"role": "tool", "tool_call_id": call.id, "content": weather}
            for call, weather in zip(choice.message.tool_calls, ("rain", "sun"), strict=True)
        ]
        back = choice.message.to_dict()
        history = {name: back[name] for name in ("role", "content", "tool_calls")}
        second = await ask([*ASKED, history, *said])
    assert second.choices[0].finish_reason == "stop"
    check_second_turn(check_way(provider, model, stream=stream), ids, signature)
    assert [record.status for record in await door.records(2)] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "ids", "signature"), GENERATIONS)
async def test_messages_call_tools_and_answer(
    door: Serving, provider: FakeUpstream, model: str, ids: Any, signature: str | None, stream: bool
) -> None:
    provider.script(tools(OSLO, ROME, content="I look."))
    known = [{"name": "weather", "input_schema": PARAMETERS}]
    async with anthropic_client(door) as client:

        async def ask(messages: list[Any]) -> Any:
            asked = {"model": model, "max_tokens": 100, "messages": messages, "tools": known}
            if not stream:
                return await client.messages.create(**asked)
            async with client.messages.stream(**asked) as told:
                return await told.get_final_message()

        first = await ask(ASKED)
        assert (first.stop_reason, first.content[0].text) == ("tool_use", "I look.")
        used = [block for block in first.content if block.type == "tool_use"]
        assert [block.input for block in used] == [{"city": "Oslo"}, {"city": "Rome"}]
        assert (first.usage.input_tokens, first.usage.output_tokens) == (9, 5)
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": weather}
            for block, weather in zip(used, ("rain", "sun"), strict=True)
        ]
        content = [block.to_dict() for block in first.content]
        second = await ask([*ASKED, {"role": "assistant", "content": content}, {"role": "user", "content": results}])
    assert second.stop_reason == "end_turn"
    body = check_way(provider, model, stream=stream)
    check_second_turn(body, ids, signature)
    assert body["generationConfig"] == {"maxOutputTokens": 100}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "ids", "signature"), GENERATIONS)
async def test_responses_call_tools_and_answer(
    door: Serving, provider: FakeUpstream, model: str, ids: Any, signature: str | None, stream: bool
) -> None:
    provider.script(tools(OSLO, ROME))
    known = [{"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}]
    async with openai_client(door) as client:

        async def ask(given: list[Any]) -> Any:
            asked = {"model": model, "input": given, "tools": known}
            if not stream:
                return await client.responses.create(**asked)
            async with client.responses.stream(**asked) as told:
                assert [event async for event in told][-1].type == "response.completed"
                return await told.get_final_response()

        first = await ask(ASKED)
        calls = [item for item in first.output if item.type == "function_call"]
        assert [call.arguments for call in calls] == [OSLO.arguments, ROME.arguments]
        results = [
            {"type": "function_call_output", "call_id": call.call_id, "output": weather}
            for call, weather in zip(calls, ("rain", "sun"), strict=True)
        ]
        words = ("type", "call_id", "name", "arguments")
        said = [{name: value for name, value in call.to_dict().items() if name in words} for call in calls]
        second = await ask([*ASKED, *said, *results])
    assert second.status == "completed"
    check_second_turn(check_way(provider, model, stream=stream), ids, signature)


@pytest.mark.parametrize("path", PATHS)
async def test_what_gemini_cannot_carry_is_named(door: Serving, path: str) -> None:
    answered = await door.post(path, PATHS[path](FLASH, service_tier="auto", metadata={"user_id": "u"}))
    assert answered.status == 200, answered.body
    assert "metadata" in answered.headers["x-gateway-dropped"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("how", ["close", "reset", "end"])
async def test_a_cut_stream_is_never_a_clean_finish(door: Serving, provider: FakeUpstream, path: str, how: str) -> None:
    provider.script(faults.cut(5, how=how))
    answered = await door.post(path, PATHS[path](FLASH, stream=True))
    last = events(answered.body)[-1]
    assert "error" in last and "message_stop" not in answered.body.decode() and "[DONE]" not in answered.body.decode()
    assert (await door.record()).status == "failed"


@pytest.mark.parametrize("path", PATHS)
async def test_googles_refusals_are_the_callers_errors(door: Serving, provider: FakeUpstream, path: str) -> None:
    provider.script(faults.refuse(400, "The schema is too deep."))
    answered = await door.post(path, PATHS[path](FLASH))
    assert (answered.status, answered.json["error"]["message"]) == (400, "The schema is too deep.")


async def test_googles_word_for_a_bad_key_is_no_fault_of_the_caller(door: Serving, provider: FakeUpstream) -> None:
    provider.keys = {"another"}
    answered = await door.post("/v1/chat/completions", chat(FLASH))
    assert (answered.status, answered.json["error"]["code"]) == (502, "upstream_credentials_exhausted")


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_embeddings_in_openais_words(door: Serving, provider: FakeUpstream, encoding: Any) -> None:
    asked = {"model": EMBEDDER, "input": ["one", "two"], "dimensions": 2, "encoding_format": encoding}
    answered = await door.post("/v1/embeddings", asked)
    assert answered.status == 200, answered.body
    vectors = [row["embedding"] for row in answered.json["data"]]
    if encoding == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(one))) for one in vectors]
    assert vectors == [pytest.approx(VECTOR)] * 2
    received = provider.requests[0]
    assert received.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert [one["outputDimensionality"] for one in received.json["requests"]] == [2, 2]
    record = await door.record()
    assert (record.endpoint, record.status, record.input_tokens) == ("embeddings", "succeeded", 2)
    async with openai_client(door) as client:
        found = await client.embeddings.create(model=EMBEDDER, input="one", dimensions=2)
    assert found.data[0].embedding == pytest.approx(VECTOR)


@pytest.mark.parametrize("given", [[1, 2, 3], [[1, 2], [3]]])
async def test_embeddings_of_tokens_are_refused_by_name(door: Serving, provider: FakeUpstream, given: object) -> None:
    answered = await door.post("/v1/embeddings", {"model": EMBEDDER, "input": given})
    error = answered.json["error"]
    assert (answered.status, error["code"], error["param"]) == (400, "invalid_request", "input")
    assert provider.requests == []


async def test_a_count_is_an_estimate_that_says_so(door: Serving, provider: FakeUpstream) -> None:
    body = {"model": FLASH, "messages": ASKED}
    answered = await door.post("/v1/messages/count_tokens", msgspec.json.encode(body))
    assert answered.status == 200 and answered.json["input_tokens"] > 0
    assert answered.headers["x-gateway-dropped"] == "count_tokens.exact"
    assert provider.requests == []
