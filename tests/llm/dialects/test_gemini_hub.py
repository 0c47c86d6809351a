"""Gemini through the hub's own door: requests, answers and errors on their way from and to the other dialects."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llm import errors
from llm.dialects.gemini.address import split
from llm.dialects.hub import (
    passthrough_request,
    read_result,
    render_error,
    translate_request,
    upstream_error,
    wants_usage,
)
from llm.spec import Dialect
from tests.llm.dialects.asking import CALL, TOOL, request
from tests.llm.dialects.asking import user as chat_user
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE
from tests.llm.dialects.gemini_wire import HELLO, LOOK, model, user

GEMINI: Dialect = "gemini"


def translated(
    body: dict[str, Any], caller: Dialect, to: Dialect, *, stream: bool = False
) -> tuple[Any, tuple[str, ...]]:
    asked = request(caller, body, stream=stream)
    written, dropped = translate_request(asked, to, model="gemini-2.5-flash", default_max_tokens=None)
    return json.loads(msgspec.json.encode(written)), dropped


def test_a_chat_request_for_gemini() -> None:
    body = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            chat_user(),
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "dark"},
        ],
        "tools": [TOOL],
        "temperature": 1.5,
        "user": "u",
    }
    written, dropped = translated(body, OPENAI, GEMINI, stream=True)
    address = split(written)
    assert address.path == "models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert address.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"at": 1.0}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"result": "dark"}}}]},
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "look", "description": "Looks.", "parametersJsonSchema": {"type": "object"}}
                ]
            }
        ],
        "generationConfig": {"temperature": 1.5},
    }
    assert dropped == ("user",)


@pytest.mark.parametrize("to", [OPENAI, ANTHROPIC])
def test_a_gemini_request_for_another(to: Dialect) -> None:
    body = {
        "contents": [
            user({"text": "go"}),
            model({"functionCall": {"name": "look", "args": {}}}),
            user({"functionResponse": {"name": "look", "response": {"output": "dark"}}}),
        ],
        "tools": [LOOK, {"googleSearch": {}}],
        "safetySettings": [{"category": "x", "threshold": "y"}],
    }
    written, dropped = translated(body, GEMINI, to)
    assert dropped == ("tools.googleSearch", "safetySettings")
    assert "dark" in json.dumps(written["messages"][-1])
    assert written["model"] == "gemini-2.5-flash" and written["stream"] is False


def test_what_another_refuses_is_named_in_the_callers_words() -> None:
    for to in (OPENAI, ANTHROPIC):
        with pytest.raises(errors.InvalidRequest) as caught:
            translated({"contents": [user({"text": "x"})], "generationConfig": {"candidateCount": 2}}, GEMINI, to)
        assert caught.value.param == "generationConfig.candidateCount"
        assert caught.value.message.startswith("generationConfig.candidateCount must be 1")
    with pytest.raises(errors.InvalidRequest) as caught:
        translated({"contents": [{"parts": []}]}, GEMINI, ANTHROPIC)
    assert caught.value.param == "contents"
    assert caught.value.message.startswith("contents ")


def test_a_gemini_request_for_gemini_passes() -> None:
    asked = request(GEMINI, {**HELLO, "novel": [1.0]}, stream=True)
    address = split(passthrough_request(asked, model="gemini-3-pro"))
    assert address.path == "models/gemini-3-pro:streamGenerateContent?alt=sse"
    assert address.body == asked.fields
    assert wants_usage(asked) is True


def test_an_answer_for_callers_of_all_dialects() -> None:
    candidate = {"content": {"parts": [{"text": "Hi"}], "role": "model"}, "finishReason": "MAX_TOKENS"}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "thoughtsTokenCount": 2}
    body = json.dumps({"candidates": [candidate], "usageMetadata": usage, "responseId": "r"}).encode()

    def result(caller: Dialect) -> Any:
        return read_result(
            body, upstream=GEMINI, caller=caller, model="asked", clock=OUTSIDE.clock, new_id=OUTSIDE.new_id
        )

    assert {result(caller).finish_reason for caller in (GEMINI, OPENAI, ANTHROPIC)} == {"length"}
    assert {result(caller).usage.output_tokens for caller in (GEMINI, OPENAI, ANTHROPIC)} == {3}
    assert result(GEMINI).body == body
    chat = json.loads(result(OPENAI).body)
    assert (chat["id"], chat["model"], chat["choices"][0]["message"]["content"]) == ("chatcmpl-r", "asked", "Hi")
    assert json.loads(result(ANTHROPIC).body)["content"] == [{"type": "text", "text": "Hi"}]


def test_errors_go_through_the_hub() -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    body = json.dumps([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [detail]}}]).encode()
    error = upstream_error(GEMINI, status=429, headers={}, body=body)
    assert (type(error), error.retry_after) == (errors.UpstreamRateLimited, 3.0)
    assert json.loads(render_error(GEMINI, error, "r"))["error"]["status"] == "RESOURCE_EXHAUSTED"
