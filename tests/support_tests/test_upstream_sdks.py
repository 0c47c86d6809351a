"""The fake upstream against the official clients: what they accept is what a provider may say."""

from __future__ import annotations

import anthropic
import openai
import pytest

from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import Tokens, ToolCall
from tests.support.upstream_behaviours import fixture, text, tools
from tests.support.upstream_faults import context_length_exceeded, error_in_stream, overloaded, rate_limited

SAY = [{"role": "user", "content": "hello you"}]
CALLS = (ToolCall("weather", '{"city": "Köln"}', "call_a"), ToolCall("time", "{}", "call_b"))
USED = Tokens(input=100, output=20, cached=64, cache_write=10)


def openai_client(upstream: FakeUpstream, key: str = "sk-test") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{upstream.url}/v1", api_key=key, max_retries=0)


def anthropic_client(upstream: FakeUpstream, key: str = "sk-test") -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=upstream.url, api_key=key, max_retries=0)


async def test_openai_whole_and_streamed() -> None:
    async with FakeUpstream() as upstream, openai_client(upstream) as client:
        whole = await client.chat.completions.create(model="m", messages=SAY)
        options = {"include_usage": True}
        stream = await client.chat.completions.create(model="m", messages=SAY, stream=True, stream_options=options)
        chunks = [chunk async for chunk in stream]
    assert whole.choices[0].message.content == "echo: hello you"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "echo: hello you"
    assert (chunks[0].choices[0].delta.role, chunks[-2].choices[0].finish_reason) == ("assistant", "stop")
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage


async def test_openai_tools_and_cached_tokens() -> None:
    async with FakeUpstream() as upstream, openai_client(upstream) as client:
        upstream.default = tools(*CALLS, tokens=USED)
        whole = await client.chat.completions.create(model="m", messages=SAY)
        async with client.chat.completions.stream(model="m", messages=SAY) as stream:
            folded = (await stream.get_final_completion()).choices[0].message.tool_calls
    asked = whole.choices[0].message.tool_calls
    assert [(c.id, c.function.name, c.function.arguments) for c in asked] == [
        (c.id, c.name, c.arguments) for c in CALLS
    ]
    assert [c.function.arguments for c in folded] == [c.arguments for c in CALLS]
    assert whole.usage.prompt_tokens_details.cached_tokens == 64


async def test_anthropic_whole_and_streamed() -> None:
    async with FakeUpstream() as upstream, anthropic_client(upstream) as client:
        upstream.script(text("hello there", tokens=USED), text("hello there", tokens=USED))
        whole = await client.messages.create(model="m", max_tokens=99, messages=SAY)
        async with client.messages.stream(model="m", max_tokens=99, messages=SAY) as stream:
            folded = await stream.get_final_message()
    assert whole.content[0].text == folded.content[0].text == "hello there"
    assert (folded.stop_reason, folded.usage.output_tokens) == ("end_turn", 20)
    used = whole.usage
    assert (used.input_tokens, used.cache_read_input_tokens, used.cache_creation_input_tokens) == (26, 64, 10)


async def test_anthropic_tools() -> None:
    async with FakeUpstream() as upstream, anthropic_client(upstream) as client:
        upstream.default = tools(*CALLS, content="Looking.")
        async with client.messages.stream(model="m", max_tokens=99, messages=SAY) as stream:
            folded = await stream.get_final_message()
        whole = await client.messages.create(model="m", max_tokens=99, messages=SAY)
    assert [block.type for block in folded.content] == ["text", "tool_use", "tool_use"]
    assert [block.input for block in folded.content[1:]] == [{"city": "Köln"}, {}]
    assert [block.input for block in whole.content[1:]] == [{"city": "Köln"}, {}]


async def test_limits_of_the_body_are_honoured() -> None:
    async with FakeUpstream() as upstream, openai_client(upstream) as client, anthropic_client(upstream) as other:
        short = await client.chat.completions.create(model="m", messages=SAY, max_tokens=2)
        stopped = await other.messages.create(model="m", max_tokens=9, messages=SAY, stop_sequences=[" you"])
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("echo: hello", "length")
    assert (stopped.content[0].text, stopped.stop_sequence) == ("echo: hello", " you")


async def test_errors_are_the_classes_that_the_clients_know() -> None:
    async with FakeUpstream(models={"m"}) as upstream:
        openai_ok, anthropic_ok = openai_client(upstream), anthropic_client(upstream)
        with pytest.raises(openai.AuthenticationError):
            await openai_client(upstream, "sk-wrong").chat.completions.create(model="m", messages=SAY)
        with pytest.raises(anthropic.AuthenticationError):
            await anthropic_client(upstream, "sk-wrong").messages.create(model="m", max_tokens=9, messages=SAY)
        with pytest.raises(openai.NotFoundError):
            await openai_ok.chat.completions.create(model="other", messages=SAY)
        upstream.script(rate_limited(retry_after=3), context_length_exceeded(), overloaded())
        with pytest.raises(openai.RateLimitError) as limited:
            await openai_ok.chat.completions.create(model="m", messages=SAY)
        assert limited.value.response.headers["retry-after"] == "3"
        with pytest.raises(openai.BadRequestError) as long:
            await openai_ok.chat.completions.create(model="m", messages=SAY)
        assert long.value.code == "context_length_exceeded"
        with pytest.raises(anthropic.APIStatusError) as busy:
            await anthropic_ok.messages.create(model="m", max_tokens=9, messages=SAY)
        assert busy.value.status_code == 529


async def test_an_error_in_the_middle_reaches_the_clients_as_an_error() -> None:
    async with FakeUpstream() as upstream:
        upstream.default = error_in_stream(after=3)
        with pytest.raises(openai.APIError):
            async for _ in await openai_client(upstream).chat.completions.create(model="m", messages=SAY, stream=True):
                pass
        with pytest.raises(anthropic.APIStatusError):
            async with anthropic_client(upstream).messages.stream(model="m", max_tokens=9, messages=SAY) as stream:
                await stream.until_done()


async def test_model_lists() -> None:
    async with FakeUpstream(models=["a", "b"]) as upstream:
        assert [m.id async for m in openai_client(upstream).models.list()] == ["a", "b"]
        assert [m.id async for m in anthropic_client(upstream).models.list()] == ["a", "b"]


@pytest.mark.parametrize("case", ["text", "tools", "cached_usage", "reasoning"])
async def test_openai_fixtures_fold_to_their_json(case: str) -> None:
    async with FakeUpstream() as upstream, openai_client(upstream) as client:
        upstream.default = fixture(f"openai/{case}", piece_size=37)
        whole = await client.chat.completions.create(model="m", messages=SAY)
        options = {"include_usage": True}
        async with client.chat.completions.stream(model="m", messages=SAY, stream_options=options) as stream:
            folded = await stream.get_final_completion()
    message, other = whole.choices[0].message, folded.choices[0].message
    assert (message.content, whole.choices[0].finish_reason) == (other.content, folded.choices[0].finish_reason)
    calls = [[(c.id, c.function.name, c.function.arguments) for c in m.tool_calls or []] for m in (message, other)]
    assert calls[0] == calls[1]
    assert whole.usage.to_dict() == folded.usage.to_dict()


@pytest.mark.parametrize("case", ["text", "tools", "cached_usage", "thinking"])
async def test_anthropic_fixtures_fold_to_their_json(case: str) -> None:
    async with FakeUpstream() as upstream, anthropic_client(upstream) as client:
        upstream.default = fixture(f"anthropic/{case}", piece_size=37)
        whole = await client.messages.create(model="m", max_tokens=9, messages=SAY)
        async with client.messages.stream(model="m", max_tokens=9, messages=SAY) as stream:
            folded = await stream.get_final_message()
    assert [b.to_dict() for b in whole.content] == [b.to_dict() for b in folded.content]
    assert whole.stop_reason == folded.stop_reason
    assert whole.usage.output_tokens == folded.usage.output_tokens
    assert whole.usage.cache_read_input_tokens == folded.usage.cache_read_input_tokens
