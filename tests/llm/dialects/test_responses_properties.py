"""What holds for every answer on the wire of responses, not only for the recorded ones."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    Citation,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    settled_reason,
)
from llm.dialects.openai_responses import wire
from llm.errors import UpstreamMalformed
from llm.spec import Dialect, StreamSummary, Usage
from tests.llm.dialects.drawing import (
    ARGUMENTS,
    CUTS,
    SIGNATURES,
    SIGNERS,
    WORDS,
    cut,
    streams_of,
    told,
    usages,
    written,
)
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, codec, events_of, fold, pieces, plain, run
from tests.llm.dialects.recordings import cited
from tests.llm.dialects.responses_wire import RESPONSES, as_read, by_client, own_form, whole_by_client

GRAMMAR = GRAMMARS[RESPONSES]


def citations(text: str) -> st.SearchStrategy[tuple[Citation, ...]]:
    places = st.tuples(st.integers(0, len(text)), WORDS)
    return st.lists(places, max_size=2, unique=True).map(
        lambda found: tuple(Citation(f"https://x.example/{at}", title, None, at, len(text)) for at, title in found)
    )


@st.composite
def parts(draw: st.DrawFn, place: int) -> Part:
    kind = draw(st.sampled_from(["text", "refusal", "call", "thinking", "signed", "bare", "redacted"]))
    match kind:
        case "text":
            text = draw(WORDS | st.just(""))
            return Text(text, draw(citations(text)) if not place else ())
        case "refusal":
            return Refusal(draw(WORDS))
        case "call":
            return ToolCall(f"call_{place}", draw(st.sampled_from(["first", "second"])), draw(ARGUMENTS))
        case "thinking":
            return Thinking(draw(WORDS))
        case "redacted":
            return RedactedThinking(draw(SIGNATURES), draw(SIGNERS))
    return Thinking("" if kind == "bare" else draw(WORDS), draw(SIGNATURES), draw(SIGNERS))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    drawn = tuple(draw(parts(place)) for place in range(draw(st.integers(0, 5))))
    reason: Any = draw(st.sampled_from(["stop", "length", "content_filter"]))
    return Answer("id1", "model-x", drawn, settled_reason(reason, drawn), draw(usages()))


@settings(max_examples=150, deadline=None)
@given(st.data(), answers())
def test_the_folded_stream_is_the_whole_answer(data: st.DataObject, answer: Answer) -> None:
    """Streamed and not, for our reader and for the official client; arguments byte for byte. The signatures are
    those that another gateway's caller gets, so they have its marks."""
    sent = written(RESPONSES, data.draw(streams_of(answer)))
    events = events_of(RESPONSES, sent)
    body = GRAMMAR.write_answer(answer, OUTSIDE)
    whole = GRAMMAR.read_answer(body, OUTSIDE)
    parts = [as_read(plain(part), getattr(part, "origin", None)) for part in answer.parts]
    assert own_form(fold(events)) == own_form(told(whole)) == {**told(answer), "parts": parts}
    origins = {end.origin for end in events if isinstance(end, BlockEnd) and end.signature}
    origins |= {part.origin for part in whole.parts if isinstance(part, RedactedThinking)}
    assert origins <= {RESPONSES}  # what a provider gives is its own
    assert by_client(sent).to_dict() == whole_by_client(body).to_dict()
    sources = [one for part in answer.parts if isinstance(part, Text) for one in part.citations]
    assert cited(events) == [{"url": c.url, "title": c.title, "start": c.start, "end": c.end} for c in sources]


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), st.integers(1, 400), st.sampled_from([ANTHROPIC, OPENAI]))
def test_any_split_is_translated_alike(data: st.DataObject, answer: Answer, size: int, caller: Dialect) -> None:
    sent = written(RESPONSES, data.draw(streams_of(answer)))
    whole = run(codec(RESPONSES, caller, StreamSummary()), [sent])
    assert run(codec(RESPONSES, caller, StreamSummary()), pieces(sent, size)) == whole


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), CUTS)
def test_a_relay_keeps_every_byte(data: st.DataObject, answer: Answer, sizes: list[int]) -> None:
    """But for the marks of another gateway, which are on all signatures here."""
    sent = written(RESPONSES, data.draw(streams_of(answer)))
    summary = StreamSummary()
    given = run(codec(RESPONSES, RESPONSES, summary), cut(sent, sizes))
    assert given == sent.replace(b'"encrypted_content":"', b'"encrypted_content":"gw1.openai_responses.')
    assert summary.usage == answer.usage and summary.finished
    assert summary.finish_reason == answer.finish_reason


@settings(max_examples=80, deadline=None)
@given(st.data(), answers(), st.floats(0, 0.999), st.sampled_from([RESPONSES, ANTHROPIC, OPENAI]))
def test_a_stream_that_is_cut_before_its_end_is_an_error(
    data: st.DataObject, answer: Answer, share: float, caller: Dialect
) -> None:
    sent = written(RESPONSES, data.draw(streams_of(answer)))
    last = max(sent.rfind(b"event: response.completed"), sent.rfind(b"event: response.incomplete"))
    summary = StreamSummary()
    stream = codec(RESPONSES, caller, summary)
    out = stream.feed(sent[: int(last * share)])
    with pytest.raises(UpstreamMalformed):
        stream.end()
    assert not summary.finished
    assert b"[DONE]" not in out and b"message_stop" not in out and b"event: response.completed" not in out


@settings(max_examples=80, deadline=None)
@given(st.lists(ARGUMENTS, min_size=2, max_size=4), st.data())
def test_interleaved_calls_come_out_in_order_and_whole(arguments: list[str], data: st.DataObject) -> None:
    """All begin; then their pieces and ends come in any mixture."""
    waiting = {index: list(text) for index, text in enumerate(arguments)}
    events: list[dict[str, Any]] = []
    for index in waiting:
        item = {"type": "function_call", "id": f"fc_{index}", "call_id": f"call_{index}", "name": "f", "arguments": ""}
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
    while waiting:
        index = data.draw(st.sampled_from(sorted(waiting)))
        size = data.draw(st.integers(1, 8))
        piece = "".join(waiting[index][:size])
        del waiting[index][:size]
        event: dict[str, Any] = {"output_index": index, "delta": piece}
        events.append({"type": "response.function_call_arguments.delta", **event})
        if not waiting[index]:
            del waiting[index]
            item = {"type": "function_call", "call_id": f"call_{index}", "name": "f", "arguments": arguments[index]}
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": {"output": []}})
    sent = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    folded = fold(events_of(RESPONSES, sent))
    assert [part["call"] for part in folded["parts"]] == [
        [f"call_{index}", "f", text] for index, text in enumerate(arguments)
    ]


@given(usages())
def test_usage_survives_the_wire(usage: Usage) -> None:
    assert wire.read_usage(msgspec.Raw(msgspec.json.encode(wire.write_usage(usage)))) == usage


NAMES = st.sampled_from(["type", "output_index", "content_index", "item", "part", "delta", "response", "error", "text"])
KINDS = st.sampled_from(
    [
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "error",
        "message",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.completed",
        "reasoning",
        "new.kind",
    ]
)
JUNK: Any = st.recursive(
    KINDS | st.none() | st.integers(-2, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.fixed_dictionaries({"type": KINDS}, optional={"item": JUNK, "response": JUNK, "part": JUNK}) | JUNK))
def test_no_event_breaks_the_reader_or_the_relay(events: list[Any]) -> None:
    """All that a provider can send is an event, or an error of the tree."""
    from llm.errors import UpstreamError

    sent = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    for caller in (OPENAI, RESPONSES):
        summary = StreamSummary()
        try:
            run(codec(RESPONSES, caller, summary), [sent])
        except UpstreamError:
            assert not summary.finished
        else:
            assert summary.finished
