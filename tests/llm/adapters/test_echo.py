"""Echo: no network, no key, and yet a whole provider."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.adapters.echo import Echo
from llm.spec import Dialect, Result, Target
from tests.contract import chat_words, messages_words
from tests.contract.talk import Heard
from tests.llm.adapters.doubles import ScriptedTransport, request

TARGET = Target(provider_id="echo", kind="echo", base_url="echo:", model_id="echo")
WORDS: dict[Dialect, Any] = {"openai_chat": chat_words, "anthropic_messages": messages_words}
DIALECTS = tuple(WORDS)


async def ask(dialect: Dialect = "openai_chat", **fields: Any) -> Result:
    transport = ScriptedTransport()
    result = await Echo(transport).complete(request(dialect, max_tokens=1000, **fields), TARGET)
    assert transport.sent == []
    return result


async def text(*messages: dict[str, Any], **fields: Any) -> str:
    result = await ask(messages=list(messages), **fields)
    heard: Heard = chat_words.read(result.body)
    return heard.text


def says(content: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


async def test_it_answers_the_last_user_text() -> None:
    assert await text(says("one"), says("two"), says("three", "assistant")) == "Echo: two"
    assert await text(says("one"), says("")) == "Echo: one"
    assert await text(says("rules", "system")) == "Echo:"
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    assert await text(says([{"type": "text", "text": "look"}, image, {"type": "text", "text": "here"}])) == (
        "Echo: look here"
    )


async def test_it_knows_the_model_and_counts_words() -> None:
    result = await ask(messages=[says("be brief", "system"), says("one two")])
    assert json.loads(result.body)["model"] == "echo"
    assert (result.usage.input_tokens, result.usage.output_tokens, result.usage.estimated) == (4, 3, True)


@pytest.mark.parametrize(
    ("fields", "answer", "reason"),
    [
        ({"stop": "two"}, "Echo: one ", "stop"),
        ({"stop": ["none", "three", "two"]}, "Echo: one ", "stop"),
        ({"stop": [""]}, "Echo: one two three", "stop"),
        ({"max_completion_tokens": 2}, "Echo: one", "length"),
        ({"max_completion_tokens": 0}, "", "length"),
        ({"max_completion_tokens": 4}, "Echo: one two three", "stop"),
    ],
)
async def test_it_keeps_the_bounds_of_a_call(fields: dict[str, Any], answer: str, reason: str) -> None:
    result = await ask(messages=[says("one two three")], **fields)
    assert (chat_words.read(result.body).text, result.finish_reason) == (answer, reason)


@pytest.mark.parametrize("messages", [[1, None, "x"], {"role": "user"}, [says(None)], [says([1, {"type": "text"}])]])
async def test_it_takes_what_a_provider_might_refuse(messages: Any) -> None:
    assert chat_words.read((await ask(messages=messages)).body).text == "Echo:"


async def test_its_stream_goes_word_by_word_and_estimates() -> None:
    stream = await Echo(ScriptedTransport()).stream(request(stream=True), TARGET)
    pieces = [piece async for piece in stream]
    assert sum(b'"content":"Echo:"' in piece or b'"content":" hello"' in piece for piece in pieces) == 2
    assert stream.summary.usage.estimated and stream.summary.finished


@pytest.mark.parametrize("dialect", DIALECTS)
@given(said=st.text(), stop=st.none() | st.text(min_size=1, max_size=3), bound=st.integers(1, 5))
async def test_streamed_and_whole_are_the_same(dialect: Dialect, said: str, stop: str | None, bound: int) -> None:
    if dialect == "openai_chat":
        fields: dict[str, Any] = {"max_tokens": bound, "stop": stop, "stream_options": {"include_usage": True}}
    else:
        fields = {"max_tokens": bound, **({"stop_sequences": [stop]} if stop else {})}
    echo = Echo(ScriptedTransport())
    asked = request(dialect, messages=[says(said or "x")], **fields)
    asked.fields.pop("stream_options", None)
    whole = await echo.complete(asked, TARGET)
    stream = await echo.stream(request(dialect, messages=[says(said or "x")], stream=True, **fields), TARGET)
    given_bytes = b"".join([piece async for piece in stream])
    assert WORDS[dialect].fold(given_bytes) == WORDS[dialect].read(whole.body)
    assert stream.summary.usage == whole.usage and stream.summary.finish_reason == whole.finish_reason
