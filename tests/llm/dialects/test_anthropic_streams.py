"""Messages streams: read into the hub's events, and written from them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.anthropic_messages import GRAMMAR
from llm.dialects.neutral import (
    Answer,
    Citation,
    Cited,
    Part,
    RedactedThinking,
    Refusal,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    settled_reason,
)
from llm.dialects.sse import Frame, SseDecoder
from llm.errors import UpstreamError, UpstreamMalformed
from llm.spec import StreamSummary, Usage
from tests.llm.dialects.anthropic_wire import (
    START,
    assistant,
    block,
    end,
    event,
    folded,
    message,
    read_stream,
    stream,
    streamed,
    text,
)
from tests.llm.dialects.anthropic_wire import parts_of as sent_again
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, by_anthropic, codec, run

HOME = "anthropic_messages"
PAGE = {"type": "web_search_result_location", "url": "https://x.test", "title": "X", "cited_text": "q"}
IN_FILE = {"type": "char_location", "document_index": 0, "document_title": "D", "cited_text": "r"}


def said(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text_delta", "text": one} for one in texts]


def cites(citation: Any) -> dict[str, Any]:
    return {"type": "citations_delta", "citation": citation}


def parts_of(*blocks: bytes, **more: Any) -> tuple[Part, ...]:
    """The same whatever the split of the bytes."""
    sent = stream(*blocks, **more)
    whole = folded(read_stream(sent))
    assert folded(read_stream(sent, 1)) == folded(read_stream(sent, 7)) == whole
    return whole.parts


def written(events: list[StreamEvent]) -> bytes:
    writer = GRAMMAR.writer(OUTSIDE, True)
    return b"".join(writer.write(one) for one in events)


def test_citations_back_their_block_wherever_they_come() -> None:
    expected = (
        Text("Höhe: "),
        Text("4478 m", (Citation("https://x.test", "X", "q", 6, 12), Citation(None, "D", "r", 6, 12))),
        Text("!"),
    )
    before = block(1, text("", citations=[]), cites(PAGE), cites(IN_FILE), *said("4478", " m"))
    behind = block(1, text(""), *said("4478", " m"), cites(PAGE), cites(IN_FILE))
    between = block(1, text("44", citations=[PAGE]), *said("78"), cites(IN_FILE), cites({"url": 5}), *said(" m"))
    for cited in (before, behind, between):
        assert parts_of(block(0, text(""), *said("Höhe", ": ")), cited, block(2, text(""), *said("!"))) == expected


def test_thinking_and_its_signature() -> None:
    thought = [{"type": "thinking_delta", "thinking": one} for one in ("Let ", "me")]
    signed = {"type": "signature_delta", "signature": "EqQ="}
    empty = {"type": "thinking", "thinking": "", "signature": ""}
    assert parts_of(
        block(0, empty, *thought, signed),
        block(1, empty, signed),
        block(2, empty, *thought),
        block(3, {"type": "thinking", "thinking": "all", "signature": "EqE="}),
        block(4, {"type": "redacted_thinking", "data": "EmwK"}),
    ) == (
        Thinking("Let me", "EqQ=", HOME),
        Thinking("", "EqQ=", HOME),
        Thinking("Let me"),
        Thinking("all", "EqE=", HOME),
        RedactedThinking("EmwK", HOME),
    )


def test_arguments_are_exact() -> None:
    def pieces_of(*texts: str) -> list[dict[str, Any]]:
        return [{"type": "input_json_delta", "partial_json": one} for one in texts]

    use = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
    assert parts_of(
        block(0, use, *pieces_of("", '{ "a"', ": 1.0", "}")),
        block(1, use, *pieces_of("")),
        block(2, use, *pieces_of(" ")),
        block(3, {**use, "id": None, "input": {"b": 2}}),
    ) == (
        ToolCall("t", "n", '{ "a": 1.0}'),
        ToolCall("t", "n", "{}"),
        ToolCall("t", "n", " {}"),
        ToolCall("toolu_fixed", "n", '{"b": 2}'),
    )


def test_what_a_server_did_is_passed_over() -> None:
    call = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]}
    odd = {"type": "from_the_future", "text": {"not": "a text"}, "signature": 5}
    assert parts_of(
        block(0, text(""), *said("a")),
        block(1, call, {"type": "input_json_delta", "partial_json": '{"query":'}),
        block(2, found),
        block(3, odd, {"type": "text_delta", "text": "hidden"}),
        block(4, text(""), *said("b")),
    ) == (Text("a"), Text("b"))


ODD_EVENTS = [
    event("ping"),
    event("from_the_future", message="a text", delta=[1], index="x"),
    event("content_block_delta", index=0, delta={"type": "from_the_future", "text": 5}),
    event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "in a text"}),
    event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "in a text"}),
    event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "in a text"}),
    b": a comment\n\n",
]


@pytest.mark.parametrize("odd", ODD_EVENTS)
def test_unknown_events_and_deltas_are_skipped(odd: bytes) -> None:
    whole = block(0, text(""), *said("x", "y"))
    stop = event("content_block_stop", index=0)
    assert parts_of(whole.removesuffix(stop) + odd + stop) == (Text("xy"),)
    sent = stream(whole, odd)
    assert run(codec(ANTHROPIC, ANTHROPIC, StreamSummary()), [sent]) == sent


@pytest.mark.parametrize(
    "bad",
    [
        event("content_block_delta", delta={"type": "text_delta", "text": 5}),
        event("content_block_start", content_block={"type": "text", "text": 5}),
        b'data: {"no":"type"}\n\n',
        b"data: [1]\n\n",
        b'data: {"type":"content_block_delta"\n\n',
        event("content_block_start", content_block={"type": "tool_use", "id": "t"}),
    ],
)
def test_a_known_event_that_cannot_be_read_is_no_answer(bad: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        read_stream(START + bad + end())


def test_an_error_in_the_middle() -> None:
    broken = START + event("error", error={"type": "overloaded_error", "message": "x"}) + end()
    with pytest.raises(UpstreamError):
        read_stream(broken)


@pytest.mark.parametrize(
    "word", ["end_turn", "stop_sequence", "max_tokens", "tool_use", "refusal", "pause_turn", "new"]
)
def test_stop_reasons_are_those_of_the_whole_answer(word: str) -> None:
    for content in (text("x"), {"type": "tool_use", "id": "t", "name": "n", "input": {}}):
        sent, summary = stream(block(0, content), reason=word, stop_sequence="END"), StreamSummary()
        whole = GRAMMAR.read_answer(message(content, reason=word, stop_sequence="END"), OUTSIDE)
        assert folded(read_stream(sent)) == whole
        run(codec(ANTHROPIC, OPENAI, summary), [sent])
        assert summary.finish_reason == whole.finish_reason


def test_a_refusal_and_why() -> None:
    details = {"type": "refusal", "category": None, "explanation": "That would be harmful."}
    blocks = block(0, text(""), *said("I"))
    assert parts_of(blocks, reason="refusal", stop_details=details) == (Text("I"), Refusal("That would be harmful."))
    assert parts_of(reason="refusal", stop_details=details) == (Refusal("That would be harmful."),)
    assert parts_of(blocks, reason="refusal", stop_details="strange") == (Text("I"),)


def test_what_a_caller_gets() -> None:
    parts: tuple[Part, ...] = (
        Thinking("own", "EqQ=", HOME),
        Thinking("", "CiQ=", "gemini"),
        Thinking("nobody's"),
        RedactedThinking("EmwK", HOME),
        RedactedThinking("gAAA", "openai_responses"),
        Text("x", (Citation("https://x.test", "X", "q"), Citation(title="D", quote="r"))),
        Refusal("no"),
        ToolCall("t", "n", '{"x":1}'),
    )
    answer = Answer("1", "m", parts, "tool_calls", Usage(7, 5))
    out = written(streamed(answer))
    told = by_anthropic(out)
    whole = json.loads(GRAMMAR.write_answer(answer, OUTSIDE))
    assert told.model_dump(exclude_none=True)["content"] == whole["content"]
    assert told.content[1].signature == "gw1.gemini.CiQ="
    assert (told.stop_reason, told.usage.output_tokens) == ("tool_use", 5)


def test_signatures_come_home_through_a_caller() -> None:
    """Given to a caller of this dialect and sent again, whoever signed."""
    parts = (Thinking("a", "EqQ=", HOME), Thinking("", "CiQ=", "gemini"), RedactedThinking("gA", "openai_responses"))
    told = by_anthropic(written(streamed(Answer("1", "m", (*parts, Text("x")), "stop", Usage()))))
    assert sent_again(assistant(*(one.model_dump(exclude_none=True) for one in told.content))) == (*parts, Text("x"))


WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(lambda said, n: Text(said, (Citation("https://x.test", "X", "q"),) * n), WORDS, st.integers(1, 2)),
    st.builds(lambda said, signature: Thinking(said, signature, HOME), st.just("") | WORDS, WORDS),
    st.builds(Thinking, WORDS),
    st.builds(lambda data: RedactedThinking(data, HOME), WORDS),
    st.builds(lambda value: ToolCall("t", "n", json.dumps(value)), st.dictionaries(WORDS, WORDS | st.floats(0, 9))),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(PARTS, max_size=5), st.sampled_from(["stop", "length", "refusal", "pause"]), st.integers(1, 300))
def test_streamed_and_whole_are_one_answer(parts: list[Any], reason: Any, size: int) -> None:
    answer = Answer("1", "m", tuple(parts), settled_reason(reason, parts), Usage(9, 5, 2, 3, 1))
    whole = GRAMMAR.read_answer(GRAMMAR.write_answer(answer, OUTSIDE), OUTSIDE)
    assert folded(read_stream(written(streamed(answer)), size)) == whole
    assert [_uncited(part) for part in whole.parts] == [_uncited(part) for part in answer.parts]
    assert (whole.finish_reason, whole.usage) == (answer.finish_reason, answer.usage)


def _uncited(part: Any) -> Any:
    if not isinstance(part, Text):
        return part
    placeless = tuple(msgspec.structs.replace(one, start=None, end=None) for one in part.citations)
    return Text(part.text, placeless)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["text", "text_delta", "refusal", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "delta", "usage", "citation", "message"]), inner, max_size=4)
    ),
    max_leaves=8,
)
KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "new"]
FIELDS = ["message", "content_block", "delta", "usage", "index", "error"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JSON)), max_size=4))
def test_any_event_is_read_skipped_or_malformed(told: list[tuple[str, dict[str, Any]]]) -> None:
    """Never another error, in a translation as in a relay; and all blocks are closed."""
    frames = [event(kind, **fields) for kind, fields in told]
    for caller in (ANTHROPIC, OPENAI):
        try:
            out = run(codec(ANTHROPIC, caller, StreamSummary()), [START, *frames, end()])
        except UpstreamError:
            continue
        assert out
    try:
        events = read_stream(START + b"".join(frames) + end())
    except UpstreamError:
        return
    assert folded(events)


def test_nothing_comes_out_for_a_frame_without_data() -> None:
    reader = GRAMMAR.reader(StreamSummary(), OUTSIDE)
    assert reader.read(Frame(b": ping\n\n", "", b"")) == []


def test_cited_events_are_of_the_open_block() -> None:
    sent = stream(block(0, text("a", citations=[PAGE])), block(1, text("b")))
    assert [type(one) for one in read_stream(sent)].count(Cited) == 1
    frames = [frame.event for frame in SseDecoder().feed(written(read_stream(sent)))]
    assert frames.count("content_block_start") == frames.count("content_block_stop") == 2
