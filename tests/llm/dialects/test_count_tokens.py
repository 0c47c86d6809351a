"""Counting tokens: requests read, answers read and written, and the estimate for providers that cannot count."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from anthropic.types import MessageTokensCount

from llm.dialects.anthropic_messages.count import estimate, read_count, read_count_request, write_count
from llm.dialects.neutral import Audio, Conversation, Document, Image, Part, Refusal, Text, Thinking, Tool, Turn
from llm.errors import InvalidRequest, UpstreamFailed, UpstreamMalformed
from tests.llm.dialects.anthropic_wire import text, user
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import ANTHROPIC

LOOK = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}


def counted(*messages: dict[str, Any], **body: Any) -> int:
    return estimate(read_count_request(request(ANTHROPIC, {"model": "m", "messages": [*messages], **body})))


def of(*parts: Part) -> int:
    """Of a message, without the 3 that it costs itself."""
    return estimate(Conversation(turns=(Turn("user", parts),))) - 3


def test_texts_and_messages() -> None:
    assert counted({"role": "user", "content": "Hello, world"}) == 3 + 3
    assert counted({"role": "user", "content": "Hello, world!"}) == 4 + 3
    assert counted({"role": "user", "content": ""}) == 3
    assert counted(user(text("abcd")), {"role": "assistant", "content": "efgh"}, user(text("ijkl"))) == 3 + 9
    assert counted(user(text("abcd")), system="be brief") == 3 + 6


def test_characters_count_not_bytes() -> None:
    assert of(Text("äöüß")) == of(Text("abcd")) == 1


def test_tools_and_schemas() -> None:
    schema = '{"type":"object"}'
    assert counted(user(text("")), tools=[LOOK]) == 3 + -(-(len("lookLooks.") + len(schema)) // 4)
    wanted = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert counted(user(text("")), output_config=wanted) == 3 + -(-len(schema) // 4)
    assert estimate(Conversation(turns=(), tools=(Tool("abcd"),))) == 1


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text("12345678"), 2),
        (Thinking("12345678", "a signature is no text"), 2),
        (Refusal("1234"), 1),
        (Image(url="https://x.test/i"), 1500),
        (Image(media_type="image/png", data="A" * 8000), 1500),
        (Document(media_type="application/pdf", data="A" * 8000, title="abcd"), 1501),
        (Document(media_type="text/plain", data="MTIzNDU2Nzg=", title="abcd"), 3),
        (Document(media_type="text/plain", url="https://x.test/a"), 1500),
        (Audio("audio/wav", "A" * 8000), 1500),
    ],
)
def test_parts(part: Part, tokens: int) -> None:
    assert of(part) == tokens


def test_calls_and_what_came_of_them() -> None:
    use = {"type": "tool_use", "id": "t", "name": "look", "input": {"at": 1}}
    image = {"type": "image", "source": {"type": "url", "url": "https://x.test/i"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text("12345678"), image]}
    called = counted({"role": "assistant", "content": [use]}, tools=[])
    assert called == 3 + -(-(len("look") + len('{"at":1}')) // 4)
    assert counted({"role": "assistant", "content": [use]}, user(result)) == called + 3 + 2 + 1500


def test_what_runs_at_the_provider_costs_nothing_here() -> None:
    assert counted(user(text("abcd")), tools=[{"type": "web_search_20260318", "name": "web_search"}]) == 4


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [user()], "system": 5}, "system"),
        ({"messages": [user()], "tools": [{"name": "n"}]}, "tools[0].input_schema"),
        ({"messages": [user()], "thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ],
)
def test_a_request_that_cannot_be_counted(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_count_request(request(ANTHROPIC, {"model": "m", **body}))
    assert caught.value.param == param


def test_the_answer() -> None:
    body = write_count(2095)
    assert json.loads(body) == {"input_tokens": 2095}
    assert MessageTokensCount.model_validate_json(body, strict=True).input_tokens == 2095
    assert read_count(body) == 2095
    assert read_count(b'{"input_tokens":7,"novel":[1]}') == 7


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"input_tokens":"7"}', b'{"input_tokens":-1}'])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        read_count(body)


def test_an_error_with_status_200_is_an_error() -> None:
    with pytest.raises(UpstreamFailed):
        read_count(b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}')


def test_a_schema_that_is_no_utf8_is_counted() -> None:
    tool = Tool("", schema=msgspec.Raw(b'"\xff\xff"'))
    assert estimate(Conversation(turns=(), tools=(tool,))) == 1
