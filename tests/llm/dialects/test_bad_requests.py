"""Requests that cannot be carried: a 400 that names the field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.dialects.hub import passthrough_request, translate_request, wants_usage
from llm.errors import InvalidRequest
from llm.spec import Request
from tests.llm.dialects.asking import CALL, TOOL, request, to_anthropic, to_openai, user
from tests.llm.dialects.folding import ANTHROPIC, OPENAI


def image(url: str) -> dict[str, Any]:
    return user([{"type": "image_url", "image_url": {"url": url}}])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [user(), {"role": "wizard", "content": "x"}]}, "messages[1].role"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
        ({"messages": [user(5)]}, "messages[0].content"),
        ({"messages": [user([{"type": "text", "text": 5}])]}, "messages[0].content[0].text"),
        (
            {"messages": [user([{"type": "input_audio", "input_audio": {}}])]},
            "messages[0].content[0].input_audio.format",
        ),
        ({"messages": [image("ftp://x/y.png")]}, "messages[0].content[0].image_url.url"),
        ({"messages": [image("data:image/png,raw")]}, "messages[0].content[0].image_url.url"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}, "messages[0].tool_calls[0].function"),
        ({"messages": [user(), {"role": "assistant", "function_call": {"name": "f"}}]}, "messages[1].function_call"),
        ({"messages": [user()], "n": 2}, "n"),
        ({"messages": [user()], "n": "2"}, "n"),
        ({"messages": [user()], "temperature": "hot"}, "temperature"),
        ({"messages": [user()], "max_tokens": "many"}, "max_tokens"),
        ({"messages": [user()], "stop": [1]}, "stop[0]"),
        ({"messages": [user()], "functions": [{"name": "f"}]}, "functions"),
        ({"messages": [user()], "modalities": ["text", "audio"]}, "modalities"),
        ({"messages": [user()], "tools": [{"type": "function"}]}, "tools[0].function"),
        ({"messages": [user()], "tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
        ({"messages": [user()], "tool_choice": "required"}, "tool_choice"),
        (
            {"messages": [user()], "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "no"}}},
            "tool_choice",
        ),
        (
            {
                "messages": [
                    user(),
                    {
                        "role": "assistant",
                        "tool_calls": [{**CALL, "function": {"name": "look", "arguments": '{"torn": '}}],
                    },
                ]
            },
            "messages",
        ),
    ],
)
def test_a_chat_request_that_messages_cannot_carry(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        to_anthropic(body)
    assert caught.value.param == param
    assert param.split("[")[0] in caught.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [user([{"type": "document", "source": {}}])]}, "messages[0].content[0].source.type"),
        (
            {"messages": [user([{"type": "image", "source": {"type": "file", "file_id": "f"}}])]},
            "messages[0].content[0].source.type",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "i", "name": "n", "input": "x"}]}
                ]
            },
            "messages[0].content[0].input",
        ),
        ({"messages": [user()], "system": 5}, "system"),
        ({"messages": [user()], "stop_sequences": "END"}, "stop_sequences"),
        ({"messages": [user()], "tools": [{"name": "n"}]}, "tools[0].input_schema"),
        ({"messages": [user()], "tool_choice": {"type": "tool", "name": "n"}}, "tool_choice"),
        ({"messages": [user()], "tool_choice": {"type": "some"}}, "tool_choice.type"),
    ],
)
def test_a_messages_request_that_chat_cannot_carry(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        to_openai(body)
    assert caught.value.param == param


def test_a_message_never_holds_what_the_caller_wrote() -> None:
    with pytest.raises(InvalidRequest) as caught:
        to_anthropic({"messages": [{"role": "SECRET-ROLE", "content": "SECRET"}]})
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize("raw", [b'[{"role":"user","content":"\\ud800"}]', b'[{"role":"user","content":"\xff"}]'])
def test_text_that_is_no_text(raw: bytes) -> None:
    asked = Request(dialect=OPENAI, model="m", fields={"messages": msgspec.Raw(raw)})
    with pytest.raises(InvalidRequest):
        translate_request(asked, ANTHROPIC, model="m", default_max_tokens=None)


def test_depth_without_end() -> None:
    raw = msgspec.Raw(b'[{"role":"user","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}]")
    with pytest.raises(InvalidRequest):
        translate_request(
            Request(dialect=OPENAI, model="m", fields={"messages": raw}), ANTHROPIC, model="m", default_max_tokens=None
        )


def test_passing_through_touches_model_and_stream_options_only() -> None:
    spaced = msgspec.Raw(b'[ {"role" : "user","content":"x", "novel": 1.0} ]')
    fields = {"model": msgspec.Raw(b'"asked"'), "messages": spaced, "new_field": msgspec.Raw(b"{ }")}
    asked = Request(dialect=OPENAI, model="asked", fields=dict(fields))
    assert msgspec.json.encode(passthrough_request(asked, model="gpt-x")) == (
        b'{"model":"gpt-x","messages":[ {"role" : "user","content":"x", "novel": 1.0} ],"new_field":{ }}'
    )
    assert asked.fields == fields


@pytest.mark.parametrize(
    ("options", "expected", "wanted"),
    [
        (None, {"include_usage": True}, False),
        (
            {"include_usage": False, "include_obfuscation": False},
            {"include_usage": True, "include_obfuscation": False},
            False,
        ),
        ({"include_usage": True}, {"include_usage": True}, True),
    ],
)
def test_a_passed_stream_asks_for_its_usage(options: Any, expected: dict[str, bool], wanted: bool) -> None:
    asked = request(OPENAI, {"messages": [user()], "stream": True, "stream_options": options}, stream=True)
    body = msgspec.json.decode(msgspec.json.encode(passthrough_request(asked, model="gpt-x")))
    assert body["stream_options"] == expected
    assert wants_usage(asked) is wanted


def test_stream_options_of_a_wrong_type() -> None:
    asked = request(OPENAI, {"messages": [user()], "stream_options": "usage"}, stream=True)
    with pytest.raises(InvalidRequest) as caught:
        passthrough_request(asked, model="gpt-x")
    assert caught.value.param == "stream_options"


def test_messages_pass_through_untouched() -> None:
    asked = request(ANTHROPIC, {"model": "asked", "messages": [user()], "novel": [1]}, stream=True)
    body = passthrough_request(asked, model="claude-x")
    assert msgspec.json.decode(msgspec.json.encode(body)) == {
        "model": "claude-x",
        "messages": [user()],
        "novel": [1],
    }
    assert wants_usage(asked) is True
