"""What Gemini signs, on its way through another dialect's caller and back; and what another signs, through Gemini's."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llm.dialects.features import callers_word
from llm.dialects.hub import read_result, translate_request
from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, by_anthropic, codec, run
from tests.llm.dialects.gemini_wire import user

GEMINI: Dialect = "gemini"
RESPONSES: Dialect = "openai_responses"
PARTS = [
    {"text": "I think.", "thought": True},
    {"text": "Looking."},
    {"functionCall": {"id": "fc_1", "name": "look", "args": {"at": 1}}, "thoughtSignature": "U2ln"},
    {"functionCall": {"id": "fc_2", "name": "now", "args": {}}},
]
RESULTS = {"fc_1": "dark", "fc_2": "noon"}


def answer() -> bytes:
    candidate = {"content": {"role": "model", "parts": PARTS}, "finishReason": "STOP"}
    return json.dumps({"candidates": [candidate], "responseId": "r", "modelVersion": "g"}).encode()


def result(body: bytes, upstream: Dialect, caller: Dialect) -> Any:
    found = read_result(body, upstream=upstream, caller=caller, model="m", clock=OUTSIDE.clock, new_id=OUTSIDE.new_id)
    return json.loads(found.body)


def next_chat(message: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in message.items() if value is not None}
    told = [{"role": "tool", "tool_call_id": call_id, "content": text} for call_id, text in RESULTS.items()]
    return {"messages": [{"role": "user", "content": "go"}, said, *told]}


def next_messages(content: list[Any]) -> dict[str, Any]:
    told = [{"type": "tool_result", "tool_use_id": call_id, "content": text} for call_id, text in RESULTS.items()]
    turns = [("user", "go"), ("assistant", content), ("user", told)]
    return {"max_tokens": 99, "messages": [{"role": role, "content": said} for role, said in turns]}


def next_responses(output: list[Any]) -> dict[str, Any]:
    told = [{"type": "function_call_output", "call_id": call_id, "output": text} for call_id, text in RESULTS.items()]
    return {"input": [{"role": "user", "content": "go"}, *output, *told]}


def back(caller: Dialect, body: dict[str, Any], to: Dialect) -> Any:
    written, dropped = translate_request(request(caller, body), to, model="x", default_max_tokens=99)
    assert dropped == ((callers_word(caller, "thinking"),) if to == GEMINI else ())
    return json.loads(msgspec.json.encode(written))


def sent_back(caller: Dialect) -> dict[str, Any]:
    body = result(answer(), GEMINI, caller)
    if caller == OPENAI:
        return next_chat(body["choices"][0]["message"])
    return next_messages(body["content"]) if caller == ANTHROPIC else next_responses(body["output"])


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC, RESPONSES])
def test_a_calls_signature_comes_back_to_its_call(caller: Dialect) -> None:
    """Only the thought that nobody signed is dropped."""
    contents = back(caller, sent_back(caller), GEMINI)["contents"]
    assert contents[1] == {"role": "model", "parts": PARTS[1:]}
    answered = [part["functionResponse"] for part in contents[2]["parts"]]
    assert [(one["id"], one["name"], one["response"]) for one in answered] == [
        ("fc_1", "look", {"result": "dark"}),
        ("fc_2", "now", {"result": "noon"}),
    ]


def test_so_it_does_from_a_stream() -> None:
    event = b"data: " + answer() + b"\n\n"
    message = by_anthropic(run(codec(GEMINI, ANTHROPIC, StreamSummary()), [event]))
    body = next_messages([json.loads(block.to_json()) for block in message.content])
    assert back(ANTHROPIC, body, GEMINI)["contents"][1] == {"role": "model", "parts": PARTS[1:]}


def test_anthropics_signed_thinking_through_a_caller_of_gemini() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB+/=="},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}},
    ]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "stop_reason": "tool_use"}
    body = json.dumps({**message, "content": content, "usage": {"input_tokens": 1, "output_tokens": 2}}).encode()
    given = result(body, ANTHROPIC, GEMINI)["candidates"][0]["content"]
    told = {"functionResponse": {"id": "toolu_1", "name": "look", "response": {"result": "dark"}}}
    again = back(GEMINI, {"contents": [user({"text": "go"}), given, user(told)]}, ANTHROPIC)
    assert again["messages"][1] == {"role": "assistant", "content": content}
