"""Thoughts in chat completions, signed and not: whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest

from llm.dialects.neutral import BlockEnd, BlockStart, Delta, Part, RedactedThinking, StreamEvent, Text, Thinking
from tests.llm.dialects.chat_answers import chunks_of, read, streamed, thinking, written
from tests.llm.dialects.folding import OPENAI


def text_detail(text: str | None, signature: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": text, "signature": signature, **more}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"reasoning": "hm", "reasoning_details": [text_detail("hm", "s", format="anthropic-claude-v1", index=0)]},
            [Thinking("hm", "anthropic-claude-v1~~s", "openai_chat")],
        ),
        (
            {
                "reasoning": "sum",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "sum", "format": "openai-responses-v1", "index": 0},
                    {"type": "reasoning.encrypted", "data": "d", "id": "rs_1", "format": "openai-responses-v1"},
                ],
            },
            [Thinking("sum"), RedactedThinking("openai-responses-v1~rs_1~d", "openai_chat")],
        ),
        (
            {"reasoning_details": [text_detail("hm", "gw1.gemini.s")]},  # of a gateway behind this one
            [Thinking("hm", "gw1.gemini.s", OPENAI)],
        ),
        (
            {"reasoning_details": [text_detail("a"), text_detail("b", "s")]},
            [Thinking("a"), Thinking("b", "s", OPENAI)],
        ),
        ({"reasoning_content": "hm", "reasoning_details": "strange"}, [Thinking("hm")]),
        ({"reasoning_content": "hm", "reasoning_details": [{"type": 5}]}, [Thinking("hm")]),
        ({"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.novel"}]}, [Thinking("hm")]),
    ],
)
def test_thoughts_of_an_answer(message: dict[str, Any], expected: list[Part]) -> None:
    assert read({"content": "x", **message}).parts == (*expected, Text("x"))


def test_thoughts_are_written_with_their_signatures() -> None:
    message = written(
        Thinking("plain"),
        Thinking("hm", "s", "anthropic_messages"),
        RedactedThinking("d", "anthropic_messages"),
        Thinking("", "t", "gemini"),
        Thinking("own", "xai-v1~~u", "openai_chat"),
        Text("x"),
    )["message"]
    assert message["reasoning_content"] == "plainhmown"
    assert message["reasoning_details"] == [
        text_detail("plain", format="unknown", index=0),
        text_detail("hm", "gw1.anthropic_messages.s", format="unknown", index=1),
        {
            "type": "reasoning.encrypted",
            "data": "gw1.anthropic_messages.d",
            "format": "unknown",
            "index": 2,
        },
        text_detail("", "gw1.gemini.t", format="unknown", index=3),
        text_detail("own", "u", format="xai-v1", index=4),
    ]


def test_a_thought_that_nobody_signed_has_no_details() -> None:
    assert written(Thinking("hm"), Text("x"))["message"] == {
        "role": "assistant",
        "content": "x",
        "refusal": None,
        "reasoning_content": "hm",
    }


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        # as OpenRouter does: every piece flat and as a detail, the signature at last
        (
            [
                {"reasoning": "h", "reasoning_details": [text_detail("h", index=0)]},
                {"reasoning": "m", "reasoning_details": [text_detail("m", index=0)]},
                {"reasoning": None, "reasoning_details": [text_detail(None, "s", index=0)]},
            ],
            thinking(0, "h", "m", signature="s"),
        ),
        # as this gateway does: flat, and the whole once more beside its signature
        (
            [{"reasoning_content": "h"}, {"reasoning_content": "m"}, {"reasoning_details": [text_detail("hm", "s")]}],
            thinking(0, "h", "m", signature="s"),
        ),
        # details only
        (
            [
                {"reasoning_details": [text_detail("h", index=0)]},
                {"reasoning_details": [text_detail("m", "s", index=0)]},
            ],
            thinking(0, "h", "m", signature="s"),
        ),
        # two thoughts that follow each other
        (
            [
                {"reasoning": "a", "reasoning_details": [text_detail("a", index=0)]},
                {"reasoning": "b", "reasoning_details": [text_detail("b", index=1)]},
            ],
            [*thinking(0, "a"), *thinking(1, "b")],
        ),
        (
            [
                {"reasoning_content": "a"},
                {"reasoning_details": [text_detail("a")]},
                {"reasoning_content": "b"},
                {"reasoning_details": [text_detail("b", "s")]},
            ],
            [*thinking(0, "a"), *thinking(1, "b", signature="s")],
        ),
        # a signature without a text, and thoughts that nobody can read
        ([{"reasoning_details": [text_detail("", "s")]}], thinking(0, signature="s")),
        (
            [{"reasoning": "a"}, {"reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}]}],
            [*thinking(0, "a"), BlockStart(1, RedactedThinking("d", "openai_chat")), BlockEnd()],
        ),
        ([{"reasoning_content": "a", "reasoning_details": 5}], thinking(0, "a")),
    ],
)
def test_thoughts_of_a_stream(deltas: list[dict[str, Any]], expected: list[StreamEvent]) -> None:
    assert streamed(*deltas) == expected


def test_thoughts_are_streamed_with_their_signatures() -> None:
    choices = chunks_of(
        BlockStart(0, Thinking("")),
        Delta("a"),
        BlockEnd(),
        BlockStart(1, Thinking("")),
        Delta("h"),
        Delta("m"),
        BlockEnd("s", "anthropic_messages"),
        BlockStart(2, RedactedThinking("d", "anthropic_messages")),
        BlockEnd(),
    )
    form = {"format": "unknown"}
    assert [choice["delta"] for choice in choices] == [
        {"reasoning_content": "a"},
        {"reasoning_details": [text_detail("a", format="unknown", index=0)]},
        {"reasoning_content": "h"},
        {"reasoning_content": "m"},
        {"reasoning_details": [text_detail("hm", "gw1.anthropic_messages.s", **form, index=1)]},
        {
            "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "gw1.anthropic_messages.d", **form, "index": 2}
            ]
        },
    ]
