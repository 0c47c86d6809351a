"""The official clients, with only base_url and api_key changed: against both kinds of provider and echo."""

from __future__ import annotations

import anthropic
import openai
import pytest

from tests.llm.http.serving import Serving
from tests.llm.service.snapshots import KEY
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import ToolCall
from tests.support.upstream_behaviours import tools

MODELS = ["oa/gpt-4o", "an/claude-sonnet-4-5", "e/echo"]
UPSTREAMS = MODELS[:2]
HELLO = [{"role": "user", "content": "Hello there"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}


def openai_client(door: Serving, **options: object) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key=KEY, **options)


def anthropic_client(door: Serving, **options: object) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=door.url, api_key=KEY, **options)


@pytest.mark.parametrize("model", MODELS)
async def test_openai(door: Serving, model: str) -> None:
    async with openai_client(door) as client:
        answer = await client.chat.completions.create(model=model, messages=HELLO)
        assert "Hello there" in (answer.choices[0].message.content or "")
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage is not None and answer.usage.completion_tokens > 0


@pytest.mark.parametrize("model", MODELS)
async def test_openai_streams(door: Serving, model: str) -> None:
    async with openai_client(door) as client:
        stream = await client.chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )  # fmt: skip
        chunks = [chunk async for chunk in stream]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "Hello there" in "".join(choice.delta.content or "" for choice in choices)
    assert choices[-1].finish_reason == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0
    assert (await door.record()).status == "succeeded"


@pytest.mark.parametrize("model", MODELS)
async def test_anthropic(door: Serving, model: str) -> None:
    async with anthropic_client(door) as client:
        answer = await client.messages.create(model=model, max_tokens=100, messages=HELLO)
        assert "Hello there" in answer.content[0].text
        assert (answer.stop_reason, answer._request_id) == ("end_turn", (await door.record()).request_id)


@pytest.mark.parametrize("model", MODELS)
async def test_anthropic_streams(door: Serving, model: str) -> None:
    async with (
        anthropic_client(door) as client,
        client.messages.stream(model=model, max_tokens=100, messages=HELLO) as stream,
    ):
        text = "".join([piece async for piece in stream.text_stream])
        answer = await stream.get_final_message()
    assert "Hello there" in text
    assert (answer.stop_reason, answer.usage.output_tokens > 0) == ("end_turn", True)
    assert (await door.record()).status == "succeeded"


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("stream", [False, True])
async def test_openai_calls_tools_in_parallel(door: Serving, provider: FakeUpstream, model: str, stream: bool) -> None:
    provider.script(tools(ToolCall("weather", '{"city":"Oslo"}', "c1"), ToolCall("weather", '{"city":"Rome"}', "c2")))
    known = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
    asked = {"model": model, "messages": HELLO, "tools": known}
    async with openai_client(door) as client:
        if stream:
            async with client.chat.completions.stream(**asked) as events:
                async for _ in events:
                    pass
                answer = await events.get_final_completion()
        else:
            answer = await client.chat.completions.create(**asked)
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.arguments for call in calls] == ['{"city":"Oslo"}', '{"city":"Rome"}']
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("stream", [False, True])
async def test_anthropic_calls_tools_in_parallel(
    door: Serving, provider: FakeUpstream, model: str, stream: bool
) -> None:
    provider.script(tools(ToolCall("weather", '{"city":"Oslo"}', "c1"), ToolCall("weather", '{"city":"Rome"}', "c2")))
    known = [{"name": "weather", "input_schema": PARAMETERS}]
    asked = {"model": model, "max_tokens": 100, "messages": HELLO, "tools": known}
    async with anthropic_client(door) as client:
        if stream:
            async with client.messages.stream(**asked) as events:
                answer = await events.get_final_message()
        else:
            answer = await client.messages.create(**asked)
    used = [block.input for block in answer.content if block.type == "tool_use"]
    assert used == [{"city": "Oslo"}, {"city": "Rome"}]
    assert answer.stop_reason == "tool_use"


async def test_models(door: Serving) -> None:
    async with openai_client(door) as client:
        assert [model.id async for model in client.models.list()][:1] == ["fast"]
        assert (await client.models.retrieve("oa/gpt-4o")).owned_by == "oa"
    async with anthropic_client(door) as other:
        assert [model.id async for model in other.models.list()][:1] == ["fast"]


async def test_errors_become_the_clients_own_classes_without_further_calls(
    door: Serving, provider: FakeUpstream
) -> None:
    provider.default = faults.refuse(422, "No such thing.")
    async with openai_client(door) as client, anthropic_client(door) as other:
        with pytest.raises(openai.UnprocessableEntityError, match="No such thing"):
            await client.chat.completions.create(model="oa/gpt-4o", messages=HELLO)
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="nothing", messages=HELLO)
        with pytest.raises(anthropic.NotFoundError):
            await other.messages.create(model="nothing", max_tokens=1, messages=HELLO)
        with pytest.raises(anthropic.AuthenticationError):
            wrong = other.with_options(api_key="gw-wrong")
            await wrong.messages.create(model="fast", max_tokens=1, messages=HELLO)
    assert len(provider.requests) == 1


async def test_a_client_does_not_repeat_what_the_gateway_has_repeated(
    impatient: Serving, provider: FakeUpstream
) -> None:
    provider.default = faults.overloaded()
    async with openai_client(impatient, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="oa/gpt-4o", messages=HELLO)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("model", UPSTREAMS)
async def test_a_cut_stream_is_an_error_in_both_clients(door: Serving, provider: FakeUpstream, model: str) -> None:
    provider.script(faults.cut(), faults.cut())
    async with openai_client(door) as client:
        stream = await client.chat.completions.create(model=model, messages=HELLO, stream=True)
        with pytest.raises(openai.APIError):
            async for _ in stream:
                pass
    async with anthropic_client(door) as other:
        with pytest.raises(anthropic.APIError):
            async with other.messages.stream(model=model, max_tokens=9, messages=HELLO) as events:
                await events.get_final_message()
    assert [record.status for record in await door.records(2)] == ["failed", "failed"]


async def test_an_older_client_with_x_api_key(door: Serving) -> None:
    body = {"model": "e/echo", "max_tokens": 9, "messages": HELLO}
    answered = await door.post("/v1/messages", body, authorization="", x_api_key=KEY, anthropic_version="2023-06-01")
    assert answered.status == 200
