"""What holds for every chat completion, streamed or whole."""

from __future__ import annotations

import json
from itertools import groupby, pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.hub import CALLERS
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
from llm.dialects.openai_chat import GRAMMAR
from llm.dialects.openai_chat.thoughts import is_signed
from llm.dialects.signatures import outward
from llm.dialects.sse import SseDecoder
from llm.errors import UpstreamError
from llm.spec import Dialect, StreamSummary, Usage
from tests.llm.dialects.breaking import broken
from tests.llm.dialects.drawing import ARGUMENTS, WORDS, usages
from tests.llm.dialects.folding import OPENAI, OUTSIDE, by_openai, pieces

SIGNATURES = st.text("abcXYZ019+/=~.", min_size=1, max_size=8)
SIGNERS: st.SearchStrategy[Dialect] = st.sampled_from([OPENAI, "anthropic_messages", "openai_responses", "gemini"])
PLACES = st.none() | st.tuples(st.integers(0, 9), st.integers(1, 9))


@st.composite
def citations(draw: st.DrawFn) -> Citation:
    start, end = draw(PLACES) or (None, None)
    return Citation(draw(st.none() | WORDS), draw(st.none() | WORDS), draw(st.none() | WORDS), start, end)


SIGNED = st.builds(Thinking, st.just("") | WORDS, SIGNATURES, SIGNERS) | st.builds(
    RedactedThinking, SIGNATURES, SIGNERS
)


@st.composite
def thoughts(draw: st.DrawFn) -> list[Part]:
    """Thoughts that nobody signed may come before signed ones, and are one where they follow each other."""
    drawn: list[Part] = draw(st.lists(st.builds(Thinking, WORDS) | SIGNED, max_size=4))
    kept = []
    for signed, group in groupby(drawn, key=is_signed):
        alike = list(group)
        kept += alike if signed else alike[:1]
    return kept


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"token": WORDS, "logprob": st.floats(-9, 0), "bytes": st.none(), "top_logprobs": st.just([])}
    ),
    min_size=1,
    max_size=2,
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Answer, list[StreamEvent]]:
    """An answer, and the same as a stream whose deltas are split anywhere."""
    parts = draw(thoughts())
    if draw(st.booleans()):
        parts.append(Text(draw(WORDS), tuple(draw(st.lists(citations(), max_size=2)))))
    elif draw(st.booleans()):
        parts.append(Refusal(draw(WORDS)))
    for index, arguments in enumerate(draw(st.lists(ARGUMENTS, max_size=2))):
        parts.append(ToolCall(f"call_{index}", "f", arguments))
    events: list[StreamEvent] = [Started("id", "m", Usage())]
    logprobs: list[Any] = []
    for index, part in enumerate(parts):
        events += _block(draw, index, part, logprobs)
    raw = msgspec.Raw(json.dumps(logprobs).encode()) if logprobs else None
    reason = settled_reason(draw(st.sampled_from(["stop", "length"])), parts)
    answer = Answer("id", "m", tuple(parts), reason, draw(usages()), logprobs=raw)
    return answer, [*events, Finished(answer.finish_reason, answer.usage)]


def _block(draw: st.DrawFn, index: int, part: Part, logprobs: list[Any]) -> list[StreamEvent]:
    if isinstance(part, RedactedThinking):
        return [BlockStart(index, part), BlockEnd()]
    if isinstance(part, ToolCall):
        text, empty = part.arguments, ToolCall(part.id, part.name, "")
    else:
        assert isinstance(part, Text | Thinking | Refusal)
        text, empty = part.text, type(part)("")
    events: list[StreamEvent] = [BlockStart(index, empty)]
    edges = [0, *sorted(draw(st.lists(st.integers(0, len(text)), max_size=3))), len(text)]
    for first, last in pairwise(edges):
        if first < last:
            given = draw(st.none() | ENTRIES) if not isinstance(part, Thinking) else None
            logprobs += given or []
            raw = msgspec.Raw(json.dumps(given, indent=1).encode()) if given else None
            events.append(Delta(text[first:last], raw))
    if isinstance(part, Text):
        events += [Cited(citation) for citation in part.citations]
    signed = part if isinstance(part, Thinking) and part.signature else None
    return [*events, BlockEnd(signed.signature, signed.origin) if signed is not None else BlockEnd()]


def folded(sent: bytes, size: int) -> Answer:
    """The answer that a stream tells, read in pieces of `size` bytes."""
    reader, decoder = GRAMMAR.reader(StreamSummary(), OUTSIDE), SseDecoder()
    events: list[StreamEvent] = []
    for data in pieces(sent, size):
        for frame in decoder.feed(data):
            events += reader.read(frame)
    events += reader.end()
    parts: list[Part] = []
    logprobs: list[Any] = []
    for event in events:
        match event:
            case BlockStart(index, part):
                assert index == len(parts)
                parts.append(part)
            case Delta(text):
                parts[-1] = _longer(parts[-1], text)
                logprobs += msgspec.json.decode(event.logprobs) if event.logprobs is not None else []
            case Cited(citation):
                text_part = parts[-1]
                assert isinstance(text_part, Text)
                parts[-1] = Text(text_part.text, (*text_part.citations, citation))
            case BlockEnd(str(signature), origin):
                thought = parts[-1]
                assert isinstance(thought, Thinking)
                parts[-1] = Thinking(thought.text, signature, origin)
    started, finished = events[0], events[-1]
    assert isinstance(started, Started) and isinstance(finished, Finished)
    raw = msgspec.Raw(json.dumps(logprobs).encode()) if logprobs else None
    return Answer(started.id, started.model, tuple(parts), finished.finish_reason, finished.usage, logprobs=raw)


def _longer(part: Part, text: str) -> Part:
    if isinstance(part, ToolCall):
        return ToolCall(part.id, part.name, part.arguments + text)
    assert isinstance(part, Text | Thinking | Refusal)
    return type(part)(part.text + text)


def marked(part: Part) -> Part:
    """As a reader of this dialect has it: all that it reads is signed by its own provider."""
    if isinstance(part, RedactedThinking):
        return RedactedThinking(outward(part.data, part.origin, OPENAI), OPENAI)
    if isinstance(part, Thinking) and part.signature:
        return Thinking(part.text, outward(part.signature, part.origin, OPENAI), OPENAI)
    return part


def told(answer: Answer) -> dict[str, Any]:
    fields = msgspec.structs.asdict(answer)
    del fields["id"]
    fields["parts"] = list(answer.parts)
    logprobs = [] if answer.logprobs is None else msgspec.json.decode(answer.logprobs)
    return {**fields, "logprobs": logprobs}


def written(dialect: Dialect, events: list[StreamEvent]) -> bytes:
    writer = CALLERS[dialect].writer(OUTSIDE, True)
    return b"".join(writer.write(event) for event in events)


@settings(max_examples=150, deadline=None)
@given(streams(), st.integers(1, 500))
def test_a_stream_and_a_whole_answer_say_the_same(stream: tuple[Answer, list[StreamEvent]], size: int) -> None:
    answer, events = stream
    sent = written(OPENAI, events)
    expected = {**told(answer), "parts": [marked(part) for part in answer.parts]}
    assert told(folded(sent, size)) == expected
    whole = GRAMMAR.read_answer(GRAMMAR.write_answer(answer, OUTSIDE), OUTSIDE)
    assert told(whole) == expected


@settings(max_examples=50, deadline=None)
@given(streams())
def test_the_official_client_folds_every_stream(stream: tuple[Answer, list[StreamEvent]]) -> None:
    answer, events = stream
    message = by_openai(written(OPENAI, events)).choices[0].message
    said = [part for part in answer.parts if isinstance(part, Text)]
    assert (message.content or "") == "".join(part.text for part in said)
    assert len(message.annotations or []) == sum(len(part.citations) for part in said)
    signed = [part for part in answer.parts if is_signed(part)]
    details = getattr(message, "reasoning_details", None) or []
    assert [detail["index"] for detail in details] == list(range(len(details)))
    assert len([one for one in details if one.get("signature") or one.get("data")]) == len(signed)


@settings(max_examples=80, deadline=None)
@given(streams())
def test_older_completions_tell_the_text(stream: tuple[Answer, list[StreamEvent]]) -> None:
    answer, events = stream
    text = "".join(part.text for part in answer.parts if isinstance(part, Text | Refusal))
    frames = [frame.data for frame in SseDecoder().feed(written("openai_completions", events))]
    assert frames.pop() == b"[DONE]"
    chunks = [msgspec.json.decode(frame) for frame in frames]
    assert chunks.pop()["usage"]["total_tokens"] == answer.usage.input_tokens + answer.usage.output_tokens
    choices = [chunk["choices"][0] for chunk in chunks]
    assert "".join(choice["text"] for choice in choices) == text
    whole = msgspec.json.decode(CALLERS["openai_completions"].write_answer(answer, OUTSIDE))["choices"][0]
    assert whole["text"] == text
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + [whole["finish_reason"]]


MESSAGE: dict[str, Any] = {
    "message": {
        "content": [{"type": "text", "text": "x"}, {"type": "thinking", "thinking": [{"text": "x"}]}],
        "refusal": "x",
        "reasoning": "x",
        "reasoning_details": [{"type": "reasoning.text", "text": "x", "signature": "s", "index": 0}],
        "annotations": [{"type": "url_citation", "url_citation": {"url": "x", "end_index": 1}}],
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
    },
    "finish_reason": "stop",
    "logprobs": {"content": [{"token": "x", "logprob": 0}], "refusal": []},
}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_answer_is_read_or_malformed(data: st.DataObject) -> None:
    choice = data.draw(broken(MESSAGE))
    body = json.dumps({"choices": [choice]}).encode()
    try:
        answer = GRAMMAR.read_answer(body, OUTSIDE)
    except UpstreamError as error:
        assert error.code == "upstream_error"
    else:
        assert GRAMMAR.write_answer(answer, OUTSIDE)
    delta = choice.pop("message", None) if isinstance(choice, dict) else None
    chunk = {"choices": [{**choice, "delta": delta} if isinstance(choice, dict) else choice]}
    try:
        folded(b"data: " + json.dumps(chunk).encode() + b"\n\n", 1000)
    except UpstreamError as error:
        assert error.code == "upstream_error"
