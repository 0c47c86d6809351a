"""Thinking of earlier turns, on its way back to Gemini."""

from __future__ import annotations

from typing import Any

import pytest

from llm.dialects.neutral import Part, RedactedThinking, Text, Thinking, ToolCall
from tests.llm.dialects.gemini_written import CALL, contents, model, user, write


def signature(value: str) -> Thinking:
    return Thinking("", value, "gemini")


SECOND = ToolCall("call_2", "now", "{}")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((signature("S"), CALL), [("call", "S")]),
        ((signature("S"), CALL, SECOND), [("call", "S"), ("call", None)]),
        ((signature("S"), CALL, signature("T"), SECOND), [("call", "S"), ("call", "T")]),
        ((signature("S"), signature("T"), CALL, SECOND), [("call", "S"), ("call", "T")]),
        ((Text("x"), signature("S"), CALL), [("text", None), ("call", "S")]),
        # As a chat completion brings it back: thinking first, then text, then calls.
        ((signature("S"), Text("x"), CALL), [("text", None), ("call", "S")]),
        ((signature("R"), signature("S"), Text("x"), CALL), [("text", "R"), ("call", "S")]),
        ((signature("R"), Text("x"), signature("S"), CALL), [("text", "R"), ("call", "S")]),
        ((Thinking("hm", "S", "gemini"), CALL), [("thought", None), ("call", "S")]),
        ((Thinking("hm", "S", "gemini"), Text("x")), [("thought", "S"), ("text", None)]),
        ((Thinking("hm", "S", "gemini"), signature("T"), CALL), [("thought", "S"), ("call", "T")]),
        ((signature("S"), Text("x")), [("text", "S")]),
        ((RedactedThinking("S", "gemini"), CALL), [("call", "S")]),
        ((Text("x"), signature("S")), [("text", None), ("text", "S")]),
    ],
)
def test_signatures_go_where_gemini_wants_them(parts: tuple[Part, ...], expected: list[Any]) -> None:
    found = contents(user(), model(*parts))[1]["parts"]
    kinds = ["call" if "functionCall" in one else "thought" if one.get("thought") else "text" for one in found]
    assert list(zip(kinds, [one.get("thoughtSignature") for one in found], strict=True)) == expected


@pytest.mark.parametrize(
    "part",
    [
        Thinking("hm"),
        Thinking("hm", "S"),
        Thinking("hm", "", "gemini"),
        Thinking("hm", "S", "anthropic_messages"),
        RedactedThinking("D", "anthropic_messages"),
    ],
)
def test_thinking_that_is_not_geminis_is_dropped(part: Part) -> None:
    body, dropped, _ = write(user(), model(part, Text("x")))
    assert body["contents"][1]["parts"] == [{"text": "x"}]
    assert dropped == ("thinking",)


def test_a_long_turn_takes_no_time_to_speak_of() -> None:
    """Linear: a caller's body may hold a hundred thousand parts."""
    parts = (signature("S"), *(Text("x") for _ in range(100_000)), CALL)
    found = contents(user(), model(*parts))[1]["parts"]
    assert len(found) == 100_001 and found[-1]["thoughtSignature"] == "S"
