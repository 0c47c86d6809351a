"""What holds for every answer on the wire of responses, not only for the recorded ones."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    BlockStart,
    Citation,
    Cited,
    Delta,
    Finished,
    Part,
    RedactedThinking,
    Refusal,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    settled_reason,
)
from llm.dialects.openai_responses import wire
from llm.errors import UpstreamMalformed
from llm.spec import Dialect, StreamSummary, Usage
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, codec, events_of, fold, pieces, plain, run, usage_of
from tests.llm.dialects.responses_wire import RESPONSES, by_client, cited, whole_by_client, written

GRAMMAR = GRAMMARS[RESPONSES]
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
SIGNATURES = st.text("ABCabc019+/", min_size=4, max_size=12).map(lambda text: text + "==")
ORIGINS: st.SearchStrategy[Dialect] = st.sampled_from(["gemini", "anthropic_messages", "openai_responses"])
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | WORDS, lambda v: st.lists(v, max_size=2))
ARGUMENTS = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    st.dictionaries(WORDS, VALUES, max_size=3),
    st.sampled_from([None, 1]),
    st.booleans(),
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    fresh, read, write, output = (draw(st.integers(0, 10**6)) for _ in range(4))
    return Usage(fresh + read + write, output, read, write, draw(st.integers(0, output)))


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
            return RedactedThinking(draw(SIGNATURES), draw(ORIGINS))
    return Thinking("" if kind == "bare" else draw(WORDS), draw(SIGNATURES), draw(ORIGINS))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    drawn = tuple(draw(parts(place)) for place in range(draw(st.integers(0, 5))))
    reason: Any = draw(st.sampled_from(["stop", "length", "content_filter"]))
    return Answer("id1", "model-x", drawn, settled_reason(reason, drawn), draw(usages()))


@st.composite
def streams_of(draw: st.DrawFn, answer: Answer) -> list[StreamEvent]:
    """The answer as a stream whose deltas are split anywhere."""
    events: list[StreamEvent] = [Started(answer.id, answer.model, Usage())]
    for index, part in enumerate(answer.parts):
        events.append(BlockStart(index, _empty(part)))
        text = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
        events += [Delta(text[a:b]) for a, b in pairwise([0, *cuts, len(text)]) if a < b]
        events += [Cited(citation) for citation in getattr(part, "citations", ())]
        events.append(BlockEnd(part.signature, part.origin) if isinstance(part, Thinking) else BlockEnd())
    return [*events, Finished(answer.finish_reason, answer.usage)]


def _empty(part: Part) -> Any:
    if isinstance(part, ToolCall):
        return ToolCall(part.id, part.name, "")
    return part if isinstance(part, RedactedThinking) else type(part)("")  # type: ignore[call-arg]  # reason: texts


def told(answer: Answer) -> dict[str, Any]:
    return {
        "parts": [plain(part) for part in answer.parts],
        "finish_reason": answer.finish_reason,
        "usage": usage_of(answer.usage),
        "stop_sequence": None,
    }


@settings(max_examples=150, deadline=None)
@given(st.data(), answers())
def test_the_folded_stream_is_the_whole_answer(data: st.DataObject, answer: Answer) -> None:
    """Streamed and not, for our reader and for the official client; arguments byte for byte."""
    sent = written(data.draw(streams_of(answer)))
    events = events_of(RESPONSES, sent)
    body = GRAMMAR.write_answer(answer, OUTSIDE)
    whole = GRAMMAR.read_answer(body, OUTSIDE)
    assert fold(events) == told(whole) == told(answer)
    assert whole.parts == answer.parts  # signatures' origins and sources too
    assert [end.origin for end in events if isinstance(end, BlockEnd) and end.signature] == [
        part.origin for part in answer.parts if isinstance(part, Thinking) and part.signature
    ]
    assert by_client(sent).to_dict() == whole_by_client(body).to_dict()
    sources = [one for part in answer.parts if isinstance(part, Text) for one in part.citations]
    assert cited(events) == [{"url": c.url, "title": c.title, "start": c.start, "end": c.end} for c in sources]


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), st.integers(1, 400), st.sampled_from([ANTHROPIC, OPENAI]))
def test_any_split_is_translated_alike(data: st.DataObject, answer: Answer, size: int, caller: Dialect) -> None:
    sent = written(data.draw(streams_of(answer)))
    whole = run(codec(RESPONSES, caller, StreamSummary()), [sent])
    assert run(codec(RESPONSES, caller, StreamSummary()), pieces(sent, size)) == whole


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), st.lists(st.integers(1, 90), max_size=20))
def test_a_relay_keeps_every_byte(data: st.DataObject, answer: Answer, sizes: list[int]) -> None:
    sent = written(data.draw(streams_of(answer)))
    chunks, rest = [], sent
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    summary = StreamSummary()
    assert run(codec(RESPONSES, RESPONSES, summary), [*chunks, rest]) == sent
    assert summary.usage == answer.usage and summary.finished
    assert summary.finish_reason == answer.finish_reason


@settings(max_examples=80, deadline=None)
@given(st.data(), answers(), st.floats(0, 0.999), st.sampled_from([RESPONSES, ANTHROPIC, OPENAI]))
def test_a_stream_that_is_cut_before_its_end_is_an_error(
    data: st.DataObject, answer: Answer, share: float, caller: Dialect
) -> None:
    sent = written(data.draw(streams_of(answer)))
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
