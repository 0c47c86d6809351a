"""Chat completions requests for a provider of messages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.dialects.hub import read_result, translate_request
from llm.spec import Request
from tests.llm.dialects.asking import CALL, TOOL, to_anthropic, user
from tests.llm.dialects.folding import ANTHROPIC, OPENAI


def test_a_plain_request_carries_all_its_sampling() -> None:
    body, dropped = to_anthropic(
        {
            "messages": [user()],
            "max_tokens": 7,
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": "END",
            "user": "u-1",
        },
        stream=True,
    )
    assert body == {
        "model": "claude-x",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u-1"},
        "stream": True,
    }
    assert dropped == ()


@pytest.mark.parametrize(
    ("said", "default", "expected"),
    [
        ({"max_tokens": 7, "max_completion_tokens": 9}, 100, 9),
        ({"max_tokens": 7}, 100, 7),
        ({}, 100, 100),
        ({"max_tokens": None}, None, 4096),
    ],
)
def test_the_bound_that_anthropic_requires(said: dict[str, Any], default: int | None, expected: int) -> None:
    body, _ = to_anthropic({"messages": [user()], **said}, default_max_tokens=default)
    assert body["max_tokens"] == expected


def test_system_and_developer_messages_stand_in_front() -> None:
    body, dropped = to_anthropic(
        {
            "messages": [
                {"role": "system", "content": "one"},
                {"role": "developer", "content": [{"type": "text", "text": "two"}]},
                user(),
            ]
        }
    )
    assert [block["text"] for block in body["system"]] == ["one", "two"]
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert dropped == ()


def test_a_system_message_that_loses_its_place_is_named() -> None:
    body, dropped = to_anthropic({"messages": [user(), {"role": "system", "content": "late"}, user("again")]})
    assert [block["text"] for block in body["system"]] == ["late"]
    assert [block["text"] for block in body["messages"][0]["content"]] == ["Hello", "again"]
    assert dropped == ("messages.system_position",)


def test_results_of_parallel_calls_become_one_turn_with_the_results_first() -> None:
    second = {"id": "functions.look:1", "type": "function", "function": {"name": "look", "arguments": ""}}
    body, _ = to_anthropic(
        {
            "messages": [
                user(),
                {"role": "assistant", "content": "Looking.", "tool_calls": [CALL, second]},
                {"role": "tool", "tool_call_id": "call_1", "content": "found"},
                {"role": "tool", "tool_call_id": "functions.look:1", "content": ""},
                user("go on"),
            ],
            "tools": [TOOL],
        }
    )
    assistant, results = body["messages"][1:]
    assert assistant["content"] == [
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": 1.0}},
        {"type": "tool_use", "id": "functions_2elook_3a1", "name": "look", "input": {}},
    ]
    assert results == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "found"}]},
            {"type": "tool_result", "tool_use_id": "functions_2elook_3a1"},
            {"type": "text", "text": "go on"},
        ],
    }


def test_arguments_keep_their_bytes() -> None:
    fields = {
        "messages": msgspec.Raw(
            b'[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","type":"function",'
            b'"function":{"name":"f","arguments":"{ \\"x\\" : 1.0, \\"y\\":1e2 }"}}]}]'
        )
    }
    asked = Request(dialect="openai_chat", model="m", fields=fields)
    body, _ = translate_request(asked, "anthropic_messages", model="m", default_max_tokens=None)
    assert b'"input":{ "x" : 1.0, "y":1e2 }' in msgspec.json.encode(body)


def test_images_by_address_and_inside() -> None:
    body, dropped = to_anthropic(
        {
            "messages": [
                user(
                    [
                        {"type": "text", "text": "Look"},
                        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "high"}},
                        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/4A=="}},
                    ]
                )
            ]
        }
    )
    assert [block.get("source") for block in body["messages"][0]["content"]] == [
        None,
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4A=="},
    ]
    assert dropped == ("detail",)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "look"}}}, {"type": "tool", "name": "look"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [{"type": "function", "function": {"name": "look"}}],
                    },
                }
            },
            {"type": "any"},
        ),
    ],
)
def test_tool_choices(said: dict[str, Any], expected: dict[str, Any] | None) -> None:
    hidden = {"type": "function", "function": {"name": "hidden"}}
    body, dropped = to_anthropic({"messages": [user()], "tools": [TOOL, hidden], **said})
    assert body.get("tool_choice") == expected
    only_allowed = isinstance(said.get("tool_choice"), dict) and said["tool_choice"]["type"] == "allowed_tools"
    assert [tool["name"] for tool in body["tools"]] == (["look"] if only_allowed else ["look", "hidden"])
    assert body["tools"][0] == {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
    assert dropped == ()


def test_calls_of_a_conversation_without_tools_keep_their_tools_uncallable() -> None:
    body, _ = to_anthropic(
        {
            "messages": [
                user(),
                {"role": "assistant", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "x"},
            ]
        }
    )
    assert body["tools"] == [{"name": "look", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


def test_blocks_that_anthropic_refuses_are_left_out() -> None:
    body, _ = to_anthropic(
        {
            "messages": [
                {"role": "system", "content": ""},
                user([{"type": "text", "text": " "}, {"type": "text", "text": "x"}]),
                {"role": "assistant", "content": ""},
                {"role": "assistant", "content": "", "refusal": "No."},
                user(),
            ]
        }
    )
    assert "system" not in body
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    ]


def test_what_is_lost_is_named() -> None:
    custom = {"type": "custom", "custom": {"name": "free"}}
    _, dropped = to_anthropic(
        {
            "messages": [
                {**user(), "name": "Ada"},
                {"role": "assistant", "content": "y", "reasoning_content": "hm"},
                user(),
            ],
            "tools": [TOOL, custom],
            "seed": 0,
            "logit_bias": {"1": 2},
            "logprobs": True,
            "presence_penalty": 0.5,
            "response_format": {"type": "json_object"},
            "service_tier": "flex",
            "verbosity": "low",
            "metadata": {"a": "b"},
            "temperature": 1.7,
            "stop": ["END", "\n"],
            "n": 1,
            "some_new_field": {"x": 1},
        }
    )
    assert set(dropped) == {
        "name",
        "reasoning_content",
        "tools.custom",
        "seed",
        "logit_bias",
        "logprobs",
        "presence_penalty",
        "response_format",
        "service_tier",
        "verbosity",
        "metadata",
        "temperature",
        "stop",
        "some_new_field",
    }


def test_values_that_say_nothing_are_not_lost() -> None:
    _, dropped = to_anthropic(
        {
            "messages": [user()],
            "n": 1,
            "logprobs": False,
            "store": False,
            "presence_penalty": 0,
            "frequency_penalty": 0.0,
            "logit_bias": {},
            "seed": None,
            "service_tier": "auto",
            "response_format": {"type": "text"},
            "modalities": ["text"],
            "stream_options": {"include_usage": True},
        }
    )
    assert dropped == ()


def test_what_openai_and_anthropic_both_have_is_carried() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False}
    strict = {"type": "function", "function": {"name": "look", "strict": True, "parameters": schema}}
    body, dropped = to_anthropic(
        {
            "messages": [user([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])],
            "tools": [strict],
            "reasoning_effort": "high",
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": True}},
            "service_tier": "default",
            "safety_identifier": "u-2",
        }
    )
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    assert body["tools"] == [{"name": "look", "input_schema": schema, "strict": True}]
    assert body["output_config"] == {"effort": "high", "format": {"type": "json_schema", "schema": schema}}
    assert (body["service_tier"], body["metadata"]) == ("standard_only", {"user_id": "u-2"})
    assert dropped == ()


@pytest.mark.parametrize(
    ("effort", "expected"),
    [
        ("none", {"thinking": {"type": "disabled"}}),
        ("minimal", {"output_config": {"effort": "low"}}),
        ("low", {"output_config": {"effort": "low"}}),
        ("medium", {"output_config": {"effort": "medium"}}),
        ("xhigh", {"output_config": {"effort": "xhigh"}}),
    ],
)
def test_reasoning_efforts(effort: str, expected: dict[str, Any]) -> None:
    body, dropped = to_anthropic({"messages": [user()], "reasoning_effort": effort})
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == expected
    assert dropped == ()


def test_signed_thinking_comes_home() -> None:
    """What Anthropic signed, a caller of chat completions gets with its answer and sends again with the next turn."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "EqQ="},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "text", "text": "y"},
    ]
    answer = {"id": "msg_1", "model": "claude-x", "content": blocks, "stop_reason": "end_turn"}
    result = read_result(msgspec.json.encode(answer), upstream=ANTHROPIC, caller=OPENAI, model="m")
    message = msgspec.json.decode(result.body)["choices"][0]["message"]
    body, dropped = to_anthropic({"messages": [user(), message, user()]})
    assert body["messages"][1]["content"] == blocks
    assert dropped == ()
