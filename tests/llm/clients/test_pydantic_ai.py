"""Agents of pydantic-ai: its three clients (chat completions, responses, messages), over each kind of provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelAPIError, ModelHTTPError, NativeOutput, ToolOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.profiles.anthropic import AnthropicModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from tests.llm.clients.scene import CITIES, REPORT, SUNNY, TOKENS, Comments
from tests.llm.http.serving import Serving
from tests.llm.service.snapshots import KEY
from tests.support.upstream import FakeUpstream

Made = Callable[[Serving, str], Any]
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Report(BaseModel):
    city: str
    celsius: int


def chats(door: Serving, model: str) -> Any:
    return OpenAIChatModel(model, provider=OpenAIProvider(base_url=f"{door.url}/v1", api_key=KEY))


def responses(door: Serving, model: str) -> Any:
    return OpenAIResponsesModel(model, provider=OpenAIProvider(base_url=f"{door.url}/v1", api_key=KEY))


def messages(door: Serving, model: str) -> Any:
    """What a model can do it guesses by the name, and does not know names with a provider."""
    able = AnthropicModelProfile(supports_json_schema_output=True)
    return AnthropicModel(model, provider=AnthropicProvider(base_url=door.url, api_key=KEY), profile=able)


# Not `responses` over `oa/m`: what the fake provider says there is recorded, and calls no tool.
OVER = [(chats, "oa/m"), (chats, "an/m"), (messages, "oa/m"), (messages, "an/m"), (responses, "an/m")]
EVERY = pytest.mark.parametrize(("made", "model"), OVER)
ECHOES = [(made, "e/echo") for made in (chats, messages, responses)]


@pytest.mark.parametrize(("made", "model"), [*OVER, *ECHOES])
async def test_it_gets_an_answer(door: Serving, made: Made, model: str) -> None:
    found = await Agent(made(door, model), instructions="Be brief.").run("Hello there")
    assert "Hello there" in found.output
    assert found.usage.input_tokens > 0 and found.usage.output_tokens > 0


@pytest.mark.parametrize(("made", "model"), [*OVER, *ECHOES])
async def test_it_streams(door: Serving, made: Made, model: str) -> None:
    async with Agent(made(door, model)).run_stream("Hello there") as stream:
        said = [text async for text in stream.stream_text(delta=True, debounce_by=None)]
    assert "Hello there" in "".join(said) and len(said) > 1
    assert stream.usage.output_tokens > 0


@EVERY
@pytest.mark.parametrize("stream", [False, True])
async def test_it_runs_tools_and_goes_on(door: Serving, made: Made, model: str, stream: bool) -> None:
    asked: list[str] = []
    agent = Agent(made(door, model))

    @agent.tool_plain
    def weather(city: str) -> str:
        asked.append(city)
        return f"sunny in {city}"

    async def read(_: Any, events: Any) -> None:
        told.extend([event async for event in events])

    told: list[Any] = []
    found = await agent.run("weather in Oslo and Rome?", event_stream_handler=read if stream else None)
    assert (sorted(asked), found.output) == (sorted(CITIES), SUNNY)
    assert bool(told) == stream


@EVERY
@pytest.mark.parametrize("wanted", [NativeOutput(Report), ToolOutput(Report)], ids=["native", "tool"])
async def test_it_gets_structured_answers(door: Serving, made: Made, model: str, wanted: Any) -> None:
    found = await Agent(made(door, model), output_type=wanted).run("What is it like in Oslo?")
    assert found.output == Report(**REPORT)
    assert found.usage.output_tokens == TOKENS.output
    assert found.usage.cache_read_tokens == TOKENS.cached


@pytest.mark.parametrize(("made", "model"), [*OVER, *((made, "e/slow") for made in (chats, messages, responses))])
async def test_it_passes_comments_over(door: Serving, comments: Comments, made: Made, model: str) -> None:
    async with Agent(made(door, model)).run_stream("silence") as stream:
        said = await stream.get_output()
    assert said.endswith("silence" if model == "e/slow" else "one two three")
    assert comments.sent > 0


@EVERY
async def test_errors_are_told_with_their_status(door: Serving, provider: FakeUpstream, made: Made, model: str) -> None:
    with pytest.raises(ModelHTTPError, match="rate limit is reached") as limited:
        await Agent(made(door, model)).run("refuse 429")
    assert (limited.value.status_code, len(provider.requests)) == (429, 1)


@EVERY
async def test_a_stream_that_is_cut_is_an_error(door: Serving, made: Made, model: str) -> None:
    async with Agent(made(door, model)).run_stream("cut") as stream:
        with pytest.raises((openai.APIError, anthropic.APIError, ModelAPIError)):
            await stream.get_output()
