"""What holds for every answer on Gemini's wire, not only for the recorded ones."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.gemini import GRAMMAR, wire
from llm.dialects.gemini import signature as signatures
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    Citation,
    Cited,
    Part,
    RedactedThinking,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    settled_reason,
)
from llm.dialects.sse import SseDecoder
from llm.errors import InvalidRequest, UpstreamMalformed
from llm.spec import Dialect, Request, StreamSummary, Usage
from tests.llm.dialects.drawing import ARGUMENTS, CUTS, SIGNATURES, SIGNERS, WORDS, cut, streams_of, told, written
from tests.llm.dialects.folding import OUTSIDE, codec, events_of, fold, pieces, run

GEMINI: Dialect = "gemini"


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt, output = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    return Usage(prompt, output, draw(st.integers(0, prompt)), 0, draw(st.integers(0, output)))


@st.composite
def thoughts(draw: st.DrawFn) -> Thinking | RedactedThinking:
    origin = draw(SIGNERS)
    kind = draw(st.sampled_from(["plain", "signed", "bare", "redacted"]))
    if kind == "redacted":
        return RedactedThinking(draw(WORDS), "anthropic_messages")
    if kind == "plain":
        return Thinking(draw(WORDS))
    return Thinking("" if kind == "bare" else draw(WORDS), draw(SIGNATURES), origin)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Two plain texts or thoughts in a row would be one on the wire, so there is one of each kind at most."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(draw(thoughts()))
    if draw(st.booleans()):
        text = draw(WORDS)
        starts = draw(st.lists(st.integers(0, len(text)), max_size=2, unique=True))
        citations = tuple(Citation(f"https://x.example/{start}", "t", None, start, len(text)) for start in starts)
        parts.append(Text(text, citations))
    for index, arguments in enumerate(draw(st.lists(ARGUMENTS, max_size=3))):
        if draw(st.booleans()):
            parts.append(Thinking("", draw(SIGNATURES), "gemini"))
        parts.append(ToolCall(f"call_{index}", draw(st.sampled_from(["first", "second"])), arguments))
    reason = draw(st.sampled_from(["stop", "length"]))
    return Answer("id1", "model-x", tuple(parts), settled_reason(reason, parts), draw(usages()))


def as_own(part: Part) -> Part:
    """As a reader of this dialect has it: all that it reads is signed by its own provider."""
    if isinstance(part, RedactedThinking):
        return Thinking("", signatures.written_redacted(part), GEMINI)
    if isinstance(part, Thinking) and part.signature:
        return Thinking(part.text, signatures.written(part.signature, part.origin), GEMINI)
    return part


def sources(parts: tuple[Part, ...]) -> list[Citation]:
    return [citation for part in parts if isinstance(part, Text) for citation in part.citations]


@settings(max_examples=150, deadline=None)
@given(st.data(), answers())
def test_the_folded_stream_is_the_whole_answer(data: st.DataObject, answer: Answer) -> None:
    """Streamed and not: the same answer, arguments and signatures byte for byte, sources too."""
    whole = GRAMMAR.read_answer(GRAMMAR.write_answer(answer, OUTSIDE), OUTSIDE)
    own = msgspec.structs.replace(answer, parts=tuple(as_own(part) for part in answer.parts))
    assert whole == own
    events = events_of(GEMINI, written(GEMINI, data.draw(streams_of(answer))))
    assert fold(events) == told(own)
    assert [event.citation for event in events if isinstance(event, Cited)] == sources(answer.parts)
    assert {event.origin for event in events if isinstance(event, BlockEnd) and event.signature} <= {GEMINI}


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), CUTS)
def test_a_relay_keeps_every_byte(data: st.DataObject, answer: Answer, sizes: list[int]) -> None:
    sent = written(GEMINI, data.draw(streams_of(answer)))
    summary = StreamSummary()
    assert run(codec(GEMINI, GEMINI, summary), cut(sent, sizes)) == sent
    assert summary.usage == answer.usage and summary.finished
    assert summary.finish_reason == answer.finish_reason


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), st.integers(1, 200))
def test_any_split_gives_the_same_events(data: st.DataObject, answer: Answer, size: int) -> None:
    sent = written(GEMINI, data.draw(streams_of(answer)))
    decoder, reader = SseDecoder(), GRAMMAR.reader(StreamSummary(), OUTSIDE)
    events: list[StreamEvent] = []
    for piece in pieces(sent, size):
        for frame in decoder.feed(piece):
            events += reader.read(frame)
    assert [*events, *reader.end()] == events_of(GEMINI, sent)


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), st.floats(0, 0.999))
def test_a_stream_that_is_cut_before_its_finish_is_an_error(data: st.DataObject, answer: Answer, share: float) -> None:
    sent = written(GEMINI, data.draw(streams_of(answer)))
    cut = sent[: int(sent.index(b'"finishReason":"') * share)]
    relayed = codec(GEMINI, GEMINI, StreamSummary())
    with pytest.raises(UpstreamMalformed):
        relayed.feed(cut)
        relayed.end()
    with pytest.raises(UpstreamMalformed):
        events_of(GEMINI, cut)


@given(usages(), st.integers(0, 99))
def test_usage_survives_the_wire(usage: Usage, written_to_the_cache: int) -> None:
    again = wire.read_usage(msgspec.Raw(msgspec.json.encode(wire.write_usage(usage))))
    assert again == usage
    with_cache = msgspec.structs.replace(usage, input_tokens=usage.input_tokens + written_to_the_cache)
    with_cache.cache_write_tokens = written_to_the_cache
    total: Any = wire.write_usage(with_cache)
    assert total["promptTokenCount"] == with_cache.input_tokens
    assert total["totalTokenCount"] == with_cache.input_tokens + with_cache.output_tokens


@given(st.text(min_size=1), st.sampled_from(["anthropic_messages", "openai_chat", "openai_responses"]), WORDS)
def test_signatures_of_others_survive_bytes(signature: str, origin: Dialect, text: str) -> None:
    try:
        signature.encode()
    except UnicodeEncodeError:
        return
    if signature.startswith("redacted:"):
        return
    assert signatures.thought(text, signatures.written(signature, origin), of_caller=True) == Thinking(
        text, signature, origin
    )
    redacted = RedactedThinking(signature, origin)
    assert signatures.thought("", signatures.written_redacted(redacted), of_caller=True) == redacted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda value: st.lists(value, max_size=3) | st.dictionaries(WORDS, value, max_size=3),
    max_leaves=8,
)
KNOWN = [
    "contents",
    "role",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "mimeType",
    "data",
    "fileData",
    "fileUri",
    "functionCall",
    "functionResponse",
    "name",
    "args",
    "response",
    "tools",
    "functionDeclarations",
    "parameters",
    "toolConfig",
    "functionCallingConfig",
    "mode",
    "generation_config",
    "responseSchema",
    "thinking_config",
    "systemInstruction",
]
SHAPED = st.recursive(
    JSON | st.sampled_from(["user", "model", "ANY", "image/png", "https://x.example/a.png", {"name": "f"}]),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(st.sampled_from(KNOWN), value, max_size=4),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(KNOWN), SHAPED, max_size=5))
def test_no_json_of_a_caller_is_a_failure_of_ours(body: dict[str, Any]) -> None:
    """Read, or refused with the field's name: nothing else."""
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    try:
        conversation = GRAMMAR.read_request(Request(dialect=GEMINI, model="m", fields=fields))
    except InvalidRequest as error:
        assert error.param
        return
    assert conversation.turns
