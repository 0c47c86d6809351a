"""POST /v1/responses: passed through where the provider speaks it, translated without state elsewhere; the official
client is the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest

from llm.snapshot import Model, Snapshot
from tests.llm.http.serving import Serving, events
from tests.llm.service.snapshots import KEY, snapshot
from tests.llm.service.snapshots import openai as openai_provider
from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import ToolCall
from tests.support.upstream_behaviours import answer, pieces, tools

PATH = "/v1/responses"
TRANSLATED = ["an/claude-sonnet-4-5", "e/echo"]
STREAMS = Path(__file__).parents[2] / "fixtures" / "streams"
STREAM = (STREAMS / "responses_text.sse").read_bytes()
MESSAGES = (STREAMS / "anthropic_text.sse").read_bytes()
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}


def client_of(door: Serving) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key=KEY, max_retries=0)


def whole() -> dict[str, Any]:
    """The answer that the recorded stream ends with, and a field that nobody knows."""
    (last,) = [event for event in events(STREAM) if event["type"] == "response.completed"]
    return {**last["response"], "from_the_future": [1.0, {"kept": True}]}


@pytest.mark.parametrize("model", TRANSLATED)
async def test_a_whole_answer_is_translated(door: Serving, model: str) -> None:
    async with client_of(door) as client:
        found = await client.responses.create(model=model, input="Hello there", instructions="Be brief.")
    assert "Hello there" in found.output_text
    assert (found.status, found.error) == ("completed", None)
    assert (found.instructions, found.store, found.previous_response_id) == ("Be brief.", False, None)
    assert found.usage is not None and found.usage.output_tokens > 0
    record = await door.record()
    assert (record.status, record.endpoint, record.output_tokens) == (
        "succeeded",
        "responses",
        found.usage.output_tokens,
    )


@pytest.mark.parametrize("model", TRANSLATED)
async def test_a_stream_is_translated(door: Serving, model: str) -> None:
    async with client_of(door) as client, client.responses.stream(model=model, input="Hello there") as stream:
        told = [event async for event in stream]
        final = await stream.get_final_response()
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert told[0].type == "response.created" and told[-1].type == "response.completed"
    assert "Hello there" in final.output_text
    assert (await door.record()).status == "succeeded"


async def test_tools_are_called_and_answered(door: Serving, provider: FakeUpstream) -> None:
    provider.default = tools(ToolCall("weather", '{"city": "Rome"}'))
    async with client_of(door) as client:
        found = await client.responses.create(model="an/claude-sonnet-4-5", input="Weather?", tools=[TOOL])
        (call,) = [item for item in found.output if item.type == "function_call"]
        assert (call.name, msgspec.json.decode(call.arguments)) == ("weather", {"city": "Rome"})
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        provider.default = None
        said = [{"role": "user", "content": "Weather?"}, call.to_dict(), result]
        await client.responses.create(model="an/claude-sonnet-4-5", input=said, tools=[TOOL])
    sent = (await provider.wait_request(2)).json["messages"]
    assert isinstance(sent, list)
    blocks = [block["type"] for message in sent for block in message["content"] if isinstance(block, dict)]
    assert blocks[-2:] == ["tool_use", "tool_result"]


async def test_the_provider_s_own_answer_passes_through(door: Serving, provider: FakeUpstream) -> None:
    told = msgspec.json.encode(whole())
    provider.default = answer(200, body=told)
    asked = {"model": "oa/gpt-4o", "input": "Hi", "previous_response_id": "resp_1", "from_the_future": 1.50}
    found = await door.post(PATH, asked)
    assert (found.status, found.body) == (200, told)
    received = await provider.wait_request()
    assert received.path == PATH
    assert received.json == {**asked, "model": "gpt-4o"}
    record = await door.record()
    assert (record.status, record.input_tokens) == ("succeeded", whole()["usage"]["input_tokens"])


async def test_the_provider_s_own_stream_passes_through(door: Serving, provider: FakeUpstream) -> None:
    provider.default = pieces([STREAM[:100], STREAM[100:]])
    found = await door.post(PATH, {"model": "oa/gpt-4o", "input": "Hi", "stream": True})
    assert events(found.body) == events(STREAM)
    record = await door.record()
    assert (record.status, record.stream, record.output_tokens) == (
        "succeeded",
        True,
        whole()["usage"]["output_tokens"],
    )


async def test_a_stream_that_is_cut_is_no_clean_finish(door: Serving, provider: FakeUpstream) -> None:
    provider.default = pieces([STREAM[: STREAM.index(b"event: response.completed")]])
    found = await door.post(PATH, {"model": "oa/gpt-4o", "input": "Hi", "stream": True})
    told = events(found.body)
    assert told[-1]["type"] == "error"
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert b"response.completed" not in found.body
    assert (await door.record()).status == "failed"


async def test_an_error_in_a_translated_stream_has_the_next_number(door: Serving, provider: FakeUpstream) -> None:
    provider.default = pieces([MESSAGES[: MESSAGES.index(b"event: message_delta")]])
    found = await door.post(PATH, {"model": "an/claude-sonnet-4-5", "input": "Hi", "stream": True})
    told = events(found.body)
    assert len(told) > 3 and told[-1]["type"] == "error"
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert (await door.record()).status == "failed"


async def test_the_operators_defaults_are_said_in_its_words(provider: FakeUpstream) -> None:
    model = Model("oa", "gpt-4o", parameters={"max_tokens": 77, "seed": 1, "temperature": 0.5})
    config: Snapshot = snapshot([openai_provider("oa", provider.url)], [model])
    provider.default = answer(200, body=msgspec.json.encode(whole()))
    async with Serving(config) as door:
        assert (await door.post(PATH, {"model": "gpt-4o", "input": "Hi"})).status == 200
    sent = (await provider.wait_request()).json
    assert (sent["max_output_tokens"], sent["temperature"]) == (77, 0.5)
    assert not {"max_tokens", "seed"} & sent.keys()


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt"])
async def test_state_of_a_provider_is_refused_elsewhere(door: Serving, name: str) -> None:
    value = {"id": "pmpt_1"} if name == "prompt" else "resp_1"
    found = await door.post(PATH, {"model": "an/claude-sonnet-4-5", "input": "Hi", name: value})
    assert (found.status, found.json["error"]["param"]) == (400, name)


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "input"), ({"input": 1}, "input"), ({"input": "x", "stream": "yes"}, "stream"), ({"input": [1]}, "input[0]")],
)
async def test_bad_input_names_its_field(door: Serving, body: dict[str, Any], param: str) -> None:
    found = await door.post(PATH, {"model": "an/claude-sonnet-4-5", **body})
    assert (found.status, found.json["error"]["code"]) == (400, "invalid_request")
    assert found.json["error"]["param"] == param
