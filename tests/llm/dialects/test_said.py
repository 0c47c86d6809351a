"""How much of an answer each event holds, in every dialect that a caller speaks."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from llm.dialects.hub import CALLERS, said_by
from llm.dialects.sse import SseDecoder
from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.folding import codec, run
from tests.llm.dialects.recordings import corpus, good, recorded

PROVIDERS: tuple[Dialect, ...] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")
ALL = corpus(*PROVIDERS)
# Streams of words alone: what becomes of thoughts and calls differs a little from dialect to dialect.
WORDS = [name for name in good(ALL) if all({"text"} >= set(part) - {"citations"} for part in ALL[name]["parts"])]
# The provider says its text in no event of its own kind, but at the end or in none that anybody knows.
WORDS = [name for name in WORDS if not name.endswith(("_only_the_end", "_no_deltas", "_unknown_events"))]


def counts(dialect: Dialect, data: bytes) -> list[int | None]:
    decoder = SseDecoder()
    said = said_by(dialect)
    return [said(frame.data) for frame in (*decoder.feed(data), *decoder.flush()) if frame.data]


def event(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_there_are_streams_of_words() -> None:
    assert len(WORDS) > 25
    assert {ALL[name]["dialect"] for name in WORDS} == set(PROVIDERS)


@pytest.mark.parametrize("caller", get_args(Dialect))
@pytest.mark.parametrize("name", WORDS)
def test_all_that_is_said_is_counted_once(name: str, caller: Dialect) -> None:
    """Relayed or translated: what the caller's events hold is the answer's text."""
    upstream: Dialect = ALL[name]["dialect"]
    given = run(codec(upstream, caller, StreamSummary()), [recorded(name)])
    text = "".join(part.get("text", "") for part in ALL[name]["parts"])
    assert sum(count or 0 for count in counts(caller, given)) == len(text)


@pytest.mark.parametrize("name", [name for name in good(ALL) if "tool" in name or "call" in name])
def test_names_and_arguments_of_calls_count(name: str) -> None:
    dialect: Dialect = ALL[name]["dialect"]
    calls = [part["call"] for part in ALL[name]["parts"] if "call" in part]
    texts = sum(len(part.get(kind, "")) for part in ALL[name]["parts"] for kind in ("text", "thinking"))
    found = counts(dialect, run(codec(dialect, dialect, StreamSummary()), [recorded(name)]))
    names, arguments = sum(len(call[1]) for call in calls), sum(len(call[2]) for call in calls)
    # An empty object may go unsaid, and Google writes its objects with other spaces.
    assert calls and names <= sum(count or 0 for count in found) - texts <= names + arguments + 1


CHUNKS: list[tuple[dict[str, Any], int | None]] = [
    ({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}, None),
    ({"choices": [{"index": 0, "delta": {"role": "assistant", "content": None, "refusal": None}}]}, None),
    ({"choices": [{"index": 0, "delta": {}}]}, None),
    ({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}, None),
    ({"choices": [], "usage": {"prompt_tokens": 1}}, None),
    ({"choices": [{"delta": {"role": "assistant", "content": "Hi"}}]}, 2),
    ({"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]}, 2),
    ({"choices": [{"delta": {"content": [{"type": "text", "text": "abc"}]}}]}, 3),
    ({"choices": [{"delta": {"reasoning_content": "ab", "reasoning": "ab"}}]}, 2),
    ({"choices": [{"delta": {"reasoning_details": [{"data": "x"}]}}]}, 0),
    (
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}}]},
        1,
    ),
    ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, 0),
    ({"choices": [{"text": "", "finish_reason": None}]}, None),
    ({"choices": [{"text": "abc", "finish_reason": None}]}, 3),
    ({"choices": "strange"}, None),
    ({"choices": [{"delta": "strange"}]}, None),
]


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_completions"])
@pytest.mark.parametrize(("chunk", "count"), CHUNKS)
def test_chunks(chunk: dict[str, Any], count: int | None, dialect: Dialect) -> None:
    assert said_by(dialect)(event(**chunk)) == count


def block(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": fields}


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({"type": "message_start", "message": {"id": "m", "content": [], "usage": {}}}, None),
        ({"type": "ping"}, None),
        ({"type": "something_new", "text": "x"}, None),
        ({"type": "content_block_stop", "index": 0}, None),
        (block(type="text", text=""), None),
        (block(type="text", text="Hi"), 2),
        (block(type="thinking", thinking="", signature=""), 0),
        (block(type="redacted_thinking", data="sealed"), 0),
        (block(type="tool_use", id="t", name="now", input={}), 3),
        (delta(type="text_delta", text=""), None),
        (delta(type="text_delta", text="Hi"), 2),
        (delta(type="thinking_delta", thinking="Hm"), 2),
        (delta(type="input_json_delta", partial_json='{"a'), 3),
        (delta(type="signature_delta", signature="sealed"), 0),
        (delta(type="citations_delta", citation={"cited_text": "quoted"}), 0),
        ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, 0),
    ],
)
def test_messages(told: dict[str, Any], count: int | None) -> None:
    assert said_by("anthropic_messages")(event(**told)) == count


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({"type": "response.created", "response": {"instructions": "Be brief."}}, None),
        ({"type": "response.in_progress", "response": {}}, None),
        ({"type": "keepalive"}, None),
        ({"type": "response.output_item.added", "item": {"type": "message", "content": []}}, None),
        ({"type": "response.content_part.added", "part": {"type": "output_text", "text": ""}}, None),
        ({"type": "response.output_item.added", "item": {"type": "reasoning", "summary": []}}, 0),
        ({"type": "response.output_item.added", "item": {"type": "function_call", "name": "now"}}, 3),
        ({"type": "response.web_search_call.searching"}, 0),
        ({"type": "response.output_text.delta", "delta": ""}, None),
        ({"type": "response.output_text.delta", "delta": "Hi"}, 2),
        ({"type": "response.output_text.done", "text": "Hi"}, 0),
        ({"type": "response.completed", "response": {}}, 0),
    ],
)
def test_responses(told: dict[str, Any], count: int | None) -> None:
    assert said_by("openai_responses")(event(**told)) == count


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({"usageMetadata": {"promptTokenCount": 1}}, None),
        ({"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}}]}, None),
        ({"candidates": [{"content": {"role": "model"}}]}, None),
        ({"candidates": [{"content": {"parts": [{"text": "Hi"}, {"text": "Hm", "thought": True}]}}]}, 4),
        ({"candidates": [{"content": {"parts": [{"text": "", "thoughtSignature": "s"}]}}]}, 0),
        ({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]}}]}, 8),
        ({"candidates": [{"content": {"parts": [{"inlineData": {"data": "AAAA"}}]}}]}, 0),
        ({"candidates": [{"finishReason": "STOP"}]}, 0),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, 0),
    ],
)
def test_generate_content(told: dict[str, Any], count: int | None) -> None:
    assert said_by("gemini")(event(**told)) == count


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize("data", [b"[DONE]", b"", b"[]", b"5", b"\xff", b"[" * 3000, b'{"a":' * 3000])
def test_what_cannot_be_read_is_an_answer_all_the_same(data: bytes, dialect: Dialect) -> None:
    assert said_by(dialect)(data) == 0


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_no_depth_is_too_deep(dialect: Dialect) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"content": [deep], "delta": [deep], "text": [deep]}
        if len(json.dumps(deep)) > 100_000:
            break
    told = {"type": "content_block_delta", "delta": deep, "choices": [{"delta": deep}], "candidates": [deep]}
    assert said_by(dialect)(event(**told)) in (None, 0)


def test_every_dialect_has_a_reader() -> None:
    assert set(CALLERS) == set(get_args(Dialect))
