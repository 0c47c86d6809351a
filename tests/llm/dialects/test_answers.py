"""Whole answers: passed through or translated, and refused where they are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion

from llm.dialects.hub import read_result
from llm.errors import UpstreamError, UpstreamFailed, UpstreamMalformed, UpstreamRateLimited
from llm.spec import Dialect, Result, Usage
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OTHER, OUTSIDE

OPENAI_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 20,
    "total_tokens": 140,
    "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 6},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
ANTHROPIC_USAGE = {
    "input_tokens": 50,
    "cache_creation_input_tokens": 6,
    "cache_read_input_tokens": 64,
    "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 5},
}
USAGE = Usage(120, 20, 64, 6, 5)


def completion(message: dict[str, Any], reason: str = "stop", **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-A1",
        "object": "chat.completion",
        "created": 1764000000,
        "model": "gpt-x",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}],
        "usage": OPENAI_USAGE,
        **more,
    }


def message(content: list[dict[str, Any]], reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_B2",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
        **more,
    }


def read(body: Any, upstream: Dialect, caller: Dialect | None = None) -> Result:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_result(
        data,
        upstream=upstream,
        caller=caller or OTHER[upstream],
        model="asked-model",
        clock=OUTSIDE.clock,
        new_id=OUTSIDE.new_id,
    )


def call(call_id: str | None, name: str, arguments: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("dialect", "body", "reason"),
    [
        (OPENAI, completion({"content": "x"}, "length", novel=[1]), "length"),
        (ANTHROPIC, message([{"type": "text", "text": "x"}], "tool_use", novel=[1]), "tool_calls"),
    ],
)
def test_the_same_dialect_passes_byte_for_byte(dialect: Dialect, body: dict[str, Any], reason: str) -> None:
    data = json.dumps(body, indent=3).encode() + b"\n"
    assert read(data, dialect, dialect) == Result(body=data, usage=USAGE, finish_reason=reason)


def test_a_completion_becomes_a_message() -> None:
    calls = [call("call_1", "look", '{ "at":1}'), call(None, "now", ""), call("call_3", "obj", {"as": "object"})]
    sent = completion({"content": "Looking.", "reasoning_content": "hm", "tool_calls": calls}, "tool_calls")
    result = read(sent, OPENAI)
    Message.model_validate_json(result.body, strict=True)
    assert json.loads(result.body) == {
        "id": "msg_A1",
        "type": "message",
        "role": "assistant",
        "model": "gpt-x",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "Looking."},
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": 1}},
            {"type": "tool_use", "id": "call_fixed", "name": "now", "input": {}},
            {"type": "tool_use", "id": "call_3", "name": "obj", "input": {"as": "object"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }
    assert (result.usage, result.finish_reason) == (USAGE, "tool_calls")


DETAILS = [
    {
        "type": "reasoning.text",
        "text": "hm",
        "signature": "gw1.anthropic_messages.s",
        "format": "unknown",
        "index": 0,
    },
    {"type": "reasoning.encrypted", "data": "gw1.anthropic_messages.d", "format": "unknown", "index": 1},
]


def test_a_message_becomes_a_completion() -> None:
    sent = message(
        [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
            {"type": "text", "text": "Look"},
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "x"}},
            {"type": "text", "text": "ing."},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1.0}},
            {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
        ],
        "tool_use",
    )
    result = read(sent, ANTHROPIC)
    ChatCompletion.model_validate_json(result.body, strict=True)
    assert json.loads(result.body) == {
        "id": "chatcmpl-B2",
        "object": "chat.completion",
        "created": 1764000000,
        "model": "claude-x",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Looking.",
                    "refusal": None,
                    "reasoning_content": "hm",
                    "reasoning_details": DETAILS,
                    "tool_calls": [call("toolu_1", "look", '{"at": 1.0}'), call("toolu_2", "now", "{}")],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": OPENAI_USAGE,
    }


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("model_length", "max_tokens"),
        ("content_filter", "refusal"),
        ("tool_calls", "tool_use"),
        ("function_call", "tool_use"),
        ("eos", "end_turn"),
    ],
)
def test_finish_reasons_for_anthropic_callers(reason: str, expected: str) -> None:
    assert json.loads(read(completion({"content": "x"}, reason), OPENAI).body)["stop_reason"] == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("something_new", "stop"),
    ],
)
def test_finish_reasons_for_openai_callers(reason: str, expected: str) -> None:
    result = read(message([{"type": "text", "text": "x"}], reason), ANTHROPIC)
    assert json.loads(result.body)["choices"][0]["finish_reason"] == expected


def test_a_forced_call_says_stop_and_is_a_call() -> None:
    result = read(completion({"content": None, "tool_calls": [call("c", "f", "{}")]}, "stop"), OPENAI)
    assert json.loads(result.body)["stop_reason"] == "tool_use"


def test_a_refusal() -> None:
    body = json.loads(read(completion({"content": None, "refusal": "No."}), OPENAI).body)
    assert (body["content"], body["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


def test_a_call_that_the_bound_tore_has_no_input() -> None:
    torn = completion({"content": None, "tool_calls": [call("c", "f", '{"a": "b')]}, "length")
    body = json.loads(read(torn, OPENAI).body)
    assert (body["content"][0]["input"], body["stop_reason"]) == ({}, "max_tokens")


@pytest.mark.parametrize("usage", [None, {}, "strange", {"prompt_tokens": None}, {"prompt_tokens": -1}])
def test_a_strange_usage_is_no_reason_to_lose_an_answer(usage: Any) -> None:
    assert read(completion({"content": "x"}, usage=usage), OPENAI).usage == Usage()
    assert read(completion({"content": "x"}, usage=usage), OPENAI, OPENAI).usage == Usage()


def test_a_provider_that_names_nothing() -> None:
    body = json.loads(read({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}, OPENAI).body)
    assert (body["id"], body["model"], body["usage"]["input_tokens"]) == ("msg_fixed", "asked-model", 0)


GARBAGE = [b"", b"<html>Bad gateway</html>", b"[]", b"{}", b'"text"', b'{"choices":[]}', b'{"content":5}', b"\xff"]


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("body", [*GARBAGE, b"[" * 100_000])
def test_garbage_is_no_answer(dialect: Dialect, body: bytes) -> None:
    for caller in (dialect, OTHER[dialect]):
        with pytest.raises(UpstreamMalformed):
            read(body, dialect, caller)


@pytest.mark.parametrize(
    ("dialect", "body", "kind"),
    [
        (OPENAI, {"error": {"message": "x", "code": 429}}, UpstreamRateLimited),
        (OPENAI, {"error": {"message": "x", "type": "server_error"}}, UpstreamFailed),
        (OPENAI, completion({"content": "half"}, "error"), UpstreamFailed),
        (ANTHROPIC, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, UpstreamFailed),
        (ANTHROPIC, {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}, UpstreamRateLimited),
    ],
)
def test_an_error_with_status_200_is_an_error(dialect: Dialect, body: Any, kind: type[UpstreamError]) -> None:
    for caller in (dialect, OTHER[dialect]):
        with pytest.raises(kind):
            read(body, dialect, caller)


def test_arguments_that_are_no_object_are_no_answer_for_anthropic_callers() -> None:
    with pytest.raises(UpstreamMalformed):
        read(completion({"content": None, "tool_calls": [call("c", "f", "[1]")]}, "tool_calls"), OPENAI)
