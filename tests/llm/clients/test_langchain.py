"""ChatOpenAI and OpenAIEmbeddings of langchain-openai, over each kind of provider."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from tests.llm.clients.scene import CITIES, REPORT, SUNNY, TOKENS, Comments
from tests.llm.http.serving import Serving
from tests.llm.service.snapshots import KEY
from tests.support.upstream import FakeUpstream
from tests.support.upstream_surfaces import VECTOR

MODELS = ["oa/m", "an/m", "e/echo"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
UPSTREAMS = MODELS[:2]
# Not /v1/responses of `oa/m`: what the fake provider says there is recorded, and calls no tool.
CALLERS = [(model, False) for model in ("oa/m", "an/m", "e/caller")] + [("an/m", True), ("e/caller", True)]


class Report(BaseModel):
    """What the weather is."""

    city: str
    celsius: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def chat(door: Serving, model: str, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=f"{door.url}/v1", api_key=KEY, **options)


async def folded(stream: Any) -> AIMessageChunk:
    whole: AIMessageChunk | None = None
    async for chunk in stream:
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    return whole


@pytest.mark.parametrize("model", MODELS)
async def test_it_gets_an_answer(door: Serving, model: str) -> None:
    found = await chat(door, model).ainvoke("Hello there")
    assert "Hello there" in found.content
    assert found.response_metadata["finish_reason"] == "stop"
    assert found.usage_metadata is not None and found.usage_metadata["output_tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
async def test_it_streams_with_usage(door: Serving, model: str) -> None:
    found = await folded(chat(door, model, stream_usage=True).astream("Hello there"))
    assert "Hello there" in found.content
    assert found.response_metadata["finish_reason"] == "stop"
    usage = found.usage_metadata
    assert usage is not None and usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"] > 2


@pytest.mark.parametrize("model", MODELS)
async def test_it_streams_without_usage_unless_it_asks(door: Serving, model: str) -> None:
    found = await folded(chat(door, model, stream_usage=False).astream("Hello there"))
    assert "Hello there" in found.content and found.usage_metadata is None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "responses"), CALLERS)
async def test_it_calls_tools_and_goes_on(door: Serving, model: str, stream: bool, responses: bool) -> None:
    bound = chat(door, model, use_responses_api=responses).bind_tools([weather])
    said: list[Any] = [HumanMessage("weather in Oslo and Rome?")]
    found = await folded(bound.astream(said)) if stream else await bound.ainvoke(said)
    assert [(call["name"], call["args"]) for call in found.tool_calls] == [("weather", {"city": c}) for c in CITIES]
    results = [ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in found.tool_calls]
    last = await bound.ainvoke([*said, found, *results])
    assert last.tool_calls == []
    assert last.text == (SUNNY if model != "e/caller" else "Echo: weather in Oslo and Rome?")


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("model", UPSTREAMS)
async def test_it_gets_structured_answers(door: Serving, provider: FakeUpstream, model: str, method: Any) -> None:
    found = await chat(door, model).with_structured_output(Report, method=method).ainvoke("What is it like in Oslo?")
    assert found == Report(**REPORT)
    sent = (await provider.wait_request()).json
    assert ("tools" in sent) == (method == "function_calling")


@pytest.mark.parametrize("model", UPSTREAMS)
async def test_cached_tokens_are_a_part_of_the_input(door: Serving, model: str) -> None:
    found = await chat(door, model).bind_tools([weather]).ainvoke("weather?")
    usage = found.usage_metadata
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"]) == (TOKENS.input, TOKENS.output)
    assert usage["input_token_details"]["cache_read"] == TOKENS.cached


@pytest.mark.parametrize("model", [*UPSTREAMS, "e/slow"])
async def test_it_passes_comments_over(door: Serving, comments: Comments, model: str) -> None:
    found = await folded(chat(door, model).astream("silence"))
    assert found.content.endswith("silence" if model == "e/slow" else "one two three")
    assert found.response_metadata["finish_reason"] == "stop" and comments.sent > 0


@pytest.mark.parametrize("model", UPSTREAMS)
async def test_errors_keep_the_clients_own_classes(door: Serving, provider: FakeUpstream, model: str) -> None:
    with pytest.raises(openai.RateLimitError, match="rate limit is reached"):
        await chat(door, model).ainvoke("refuse 429")
    with pytest.raises(openai.NotFoundError):
        await chat(door, "nothing").ainvoke("Hello there")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("model", UPSTREAMS)
async def test_a_stream_that_is_cut_is_an_error(door: Serving, model: str) -> None:
    with pytest.raises(openai.APIError):
        await folded(chat(door, model).astream("cut"))


async def test_it_embeds(door: Serving) -> None:
    """`check_embedding_ctx_length=False`: else it wants its tokenizer's data from the internet."""
    options: dict[str, Any] = {"base_url": f"{door.url}/v1", "api_key": KEY, "check_embedding_ctx_length": False}
    assert await OpenAIEmbeddings(model="oa/m", **options).aembed_query("Hello") == pytest.approx(VECTOR)
    one, other = await OpenAIEmbeddings(model="e/echo", dimensions=16, **options).aembed_documents(["Hello", "there"])
    assert len(one) == len(other) == 16 and one != other
