"""A messages body on its way to Anthropic itself: untouched, but for thinking that another provider signed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llm.dialects.hub import passthrough_request
from llm.spec import Request
from tests.llm.dialects.anthropic_wire import assistant, text, user

OWN = {"type": "thinking", "thinking": "own", "signature": "EqQ="}
FOREIGN = {"type": "thinking", "thinking": "", "signature": "gw1.gemini.CiQ="}
REDACTED = {"type": "redacted_thinking", "data": "gw1.openai_responses.gAAA"}


def passed(messages: bytes) -> bytes:
    asked = Request(dialect="anthropic_messages", model="m", fields={"messages": msgspec.Raw(messages)})
    body: dict[str, Any] = passthrough_request(asked, model="claude-x")
    assert body["model"] == "claude-x"
    return msgspec.json.encode(body["messages"])


@pytest.mark.parametrize(
    "messages",
    [
        b' [ {"role":"user", "content" : "x", "novel":1.0} ]'.strip(),
        json.dumps([user(), assistant(OWN, text("y"))], indent=2).encode(),
        json.dumps([user(text('He wrote "gw1.gemini.x".'))], indent=1).encode(),
        b'{"signature":"gw1.gemini.x"}',
        b'"gw1.gemini.x"',
        b"5",
    ],
)
def test_what_is_not_foreign_passes(messages: bytes) -> None:
    assert json.loads(passed(messages)) == json.loads(messages)


def test_not_a_byte_changes_where_nothing_is_foreign() -> None:
    messages = b'[ {"role" : "assistant", "content":[{"type":"thinking","thinking":"","signature":""}] } ]'
    assert passed(messages) == messages


def test_foreign_thinking_stays_behind() -> None:
    kept = b'{ "type" : "tool_use","id":"t","name":"n","input":{ "x" : 1.0 },"novel":[1 ]}'
    sent = json.dumps([user(), assistant(FOREIGN, OWN, REDACTED), {**assistant(), "novel": 1}]).encode()
    sent = sent.replace(b'"content": []', b'"content": [' + json.dumps(FOREIGN).encode() + b"," + kept + b"]")
    out = passed(sent)
    assert json.loads(out)[:2] == [user(), assistant(OWN)]
    assert kept in out and json.loads(out)[2]["novel"] == 1
    assert b"gw1" not in out


def test_a_message_of_nothing_else_goes_with_it() -> None:
    sent = json.dumps([user(text("a")), assistant(FOREIGN, REDACTED), user(text("b"))]).encode()
    assert json.loads(passed(sent)) == [user(text("a")), user(text("b"))]
    odd: list[Any] = [{"role": "assistant", "content": "gw1.x"}, {"role": "assistant", "content": [5, FOREIGN]}]
    assert passed(json.dumps(odd).encode()) == (
        b'[{"role":"assistant","content":"gw1.x"},{"role":"assistant","content":[5]}]'
    )
