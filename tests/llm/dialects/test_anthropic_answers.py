"""Whole messages: read into the hub's answer, and written from it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from anthropic.types import Message

from llm.dialects.anthropic_messages import GRAMMAR
from llm.dialects.neutral import (
    Answer,
    Citation,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason, Usage
from tests.llm.dialects.anthropic_wire import message, text
from tests.llm.dialects.folding import OUTSIDE

HOME = "anthropic_messages"
PAGE = {"type": "web_search_result_location", "url": "https://x.test", "title": "X", "cited_text": "q"}
IN_FILE = {"type": "page_location", "document_index": 1, "document_title": "D", "cited_text": "r"}


def read(body: bytes) -> Answer:
    return GRAMMAR.read_answer(body, OUTSIDE)


def written(*parts: Part, reason: FinishReason = "stop", **more: Any) -> dict[str, Any]:
    """As a caller gets it; the official client takes it."""
    body = GRAMMAR.write_answer(Answer("id1", "m", parts, reason, Usage(7, 5), **more), OUTSIDE)
    Message.model_validate_json(body, strict=True)
    told: dict[str, Any] = json.loads(body)
    return told


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (text("x"), Text("x")),
        (text("x", citations=None), Text("x")),
        ({"type": "thinking", "thinking": "hm", "signature": "EqQ="}, Thinking("hm", "EqQ=", HOME)),
        ({"type": "thinking", "thinking": "", "signature": "EqQ="}, Thinking("", "EqQ=", HOME)),
        ({"type": "thinking", "thinking": "hm", "signature": ""}, Thinking("hm")),
        ({"type": "thinking", "thinking": "hm", "signature": None}, Thinking("hm")),
        ({"type": "redacted_thinking", "data": "EmwK"}, RedactedThinking("EmwK", HOME)),
        ({"type": "tool_use", "id": "t", "name": "n", "input": {"x": 1}}, ToolCall("t", "n", '{"x": 1}')),
        ({"type": "tool_use", "id": None, "name": "n", "input": {}}, ToolCall("toolu_fixed", "n", "{}")),
    ],
)
def test_blocks(block: dict[str, Any], part: Part) -> None:
    assert read(message(block)).parts == (part,)


def test_citations_back_their_block() -> None:
    found = read(message(text("Höhe: "), text("4478 m", citations=[PAGE, IN_FILE]), text(".", citations=[{"a": 1}])))
    assert found.parts == (
        Text("Höhe: "),
        Text(
            "4478 m",
            (
                Citation(url="https://x.test", title="X", quote="q", start=6, end=12),
                Citation(title="D", quote="r", start=6, end=12),
            ),
        ),
        Text("."),
    )


@pytest.mark.parametrize("citations", ["strange", 5, [5], [{"url": 5}], {}])
def test_strange_citations_are_no_reason_to_lose_an_answer(citations: Any) -> None:
    assert read(message(text("x", citations=citations))).parts == (Text("x"),)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]},
        {"type": "from_the_future", "text": {"not": "a text"}, "id": 5, "name": [], "signature": 1.5},
    ],
)
def test_blocks_without_a_word_in_the_hub_are_passed_over(block: dict[str, Any]) -> None:
    assert read(message(text("a"), block, text("b"))).parts == (Text("a"), Text("b"))


@pytest.mark.parametrize(
    "block",
    [
        b'{"type":"text","text":5}',
        b'{"type":"tool_use","id":"t","input":{}}',
        b'{"text":"x"}',
        b"5",
        b'{"type":"tool_use","id":"t","name":"n","input":{"x":"\xff"}}',
    ],
)
def test_a_known_block_that_cannot_be_read_is_no_answer(block: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        read(b'{"content":[' + block + b'],"stop_reason":"end_turn"}')


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
        ("pause_turn", "pause"),
        ("from_the_future", "unknown"),
    ],
)
def test_stop_reasons(word: str, reason: FinishReason) -> None:
    body = message(text("x"), reason=word)
    assert read(body).finish_reason == reason
    assert GRAMMAR.inspect_answer(body)[1] == reason


@pytest.mark.parametrize(
    ("reason", "sequence", "word"),
    [
        ("stop", None, "end_turn"),
        ("stop", "END", "stop_sequence"),
        ("length", None, "max_tokens"),
        ("tool_calls", "END", "tool_use"),
        ("refusal", None, "refusal"),
        ("content_filter", None, "refusal"),
        ("pause", None, "pause_turn"),
        ("unknown", None, "end_turn"),
    ],
)
def test_stop_reasons_for_callers(reason: FinishReason, sequence: str | None, word: str) -> None:
    told = written(Text("x"), reason=reason, stop_sequence=sequence)
    assert (told["stop_reason"], told["stop_sequence"]) == (word, sequence if word == "stop_sequence" else None)


def test_a_refusal_and_why() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "That would be harmful."}
    found = read(message(text("I"), reason="refusal", stop_details=details))
    assert found.parts == (Text("I"), Refusal("That would be harmful."))
    assert found.finish_reason == "refusal"
    for strange in (None, {"explanation": None}, "strange", {"explanation": 5}):
        assert read(message(text("I"), reason="refusal", stop_details=strange)).parts == (Text("I"),)
    assert read(message(text("I"), stop_details=details)).parts == (Text("I"),)


def test_usage() -> None:
    usage = {
        "input_tokens": 50,
        "cache_creation_input_tokens": 6,
        "cache_read_input_tokens": 64,
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 5},
    }
    body = message(text("x"), usage=usage)
    assert read(body).usage == GRAMMAR.inspect_answer(body)[0] == Usage(120, 20, 64, 6, 5)


def test_thinking_for_callers_says_whose_it_is() -> None:
    told = written(
        Thinking("own", "EqQ=", HOME),
        Thinking("", "CiQ=", "gemini"),
        Thinking("nobody's"),
        RedactedThinking("EmwK", HOME),
        RedactedThinking("gAAA", "openai_responses"),
    )
    assert told["content"] == [
        {"type": "thinking", "thinking": "own", "signature": "EqQ="},
        {"type": "thinking", "thinking": "", "signature": "gw1.gemini.CiQ="},
        {"type": "thinking", "thinking": "nobody's", "signature": ""},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "redacted_thinking", "data": "gw1.openai_responses.gAAA"},
    ]


def test_citations_for_callers_have_every_field() -> None:
    page = Citation(url="https://x.test", title="X", quote="q", start=0, end=1)
    told = written(Text("x", (page, Citation(title="D", quote="four"))), Refusal("no"))
    in_page = {"url": "https://x.test", "title": "X", "cited_text": "q", "encrypted_index": ""}
    in_file = {"document_title": "D", "cited_text": "four", "document_index": 0}
    assert told["content"] == [
        {
            "type": "text",
            "text": "x",
            "citations": [
                {"type": "web_search_result_location", **in_page},
                {"type": "char_location", **in_file, "start_char_index": 0, "end_char_index": 4},
            ],
        },
        {"type": "text", "text": "no"},
    ]


def test_the_input_of_a_call_keeps_its_bytes() -> None:
    answer = Answer("i", "m", (ToolCall("t", "n", '{ "x" : 1.0}'),), "tool_calls", Usage())
    assert b'"input":{ "x" : 1.0}' in GRAMMAR.write_answer(answer, OUTSIDE)
    assert GRAMMAR.read_answer(GRAMMAR.write_answer(answer, OUTSIDE), OUTSIDE).parts == answer.parts


def test_what_the_hub_knows_of_an_answer_comes_back() -> None:
    parts: tuple[Part, ...] = (
        Thinking("hm", "EqQ=", HOME),
        RedactedThinking("EmwK", HOME),
        Text("Höhe "),
        Text("4478", (Citation(url="https://x.test", title="X", quote="q", start=5, end=9),)),
        ToolCall("t", "n", "{}"),
    )
    answer = Answer("1", "m", parts, "tool_calls", Usage(9, 5, 2, 3, 1))
    back = read(GRAMMAR.write_answer(answer, OUTSIDE))
    assert back == msgspec.structs.replace(answer, id="msg_1")
