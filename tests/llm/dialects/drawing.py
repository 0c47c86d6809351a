"""What property tests of the dialects draw: answers, the same as streams split anywhere, and their bytes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    BlockStart,
    Cited,
    Delta,
    Finished,
    Part,
    RedactedThinking,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    settled_reason,
)
from llm.spec import Dialect, Usage
from tests.llm.dialects.folding import OUTSIDE, plain, usage_of

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
SIGNATURES = st.text("ABCabc019+/", min_size=4, max_size=12).map(lambda text: text + "==")
SIGNERS: st.SearchStrategy[Dialect] = st.sampled_from(["gemini", "anthropic_messages", "openai_responses"])
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | WORDS, lambda v: st.lists(v, max_size=2))
ARGUMENTS = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    st.dictionaries(WORDS, VALUES, max_size=3),
    st.sampled_from([None, 1]),
    st.booleans(),
)
CUTS = st.lists(st.integers(1, 90), max_size=20)
"""Sizes of the first pieces of a stream, for `cut`."""


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    fresh, read, written, output = (draw(st.integers(0, 10**6)) for _ in range(4))
    return Usage(fresh + read + written, output, read, written, draw(st.integers(0, output)))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """What every dialect can say."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Thinking(draw(WORDS)))
    if draw(st.booleans()):
        parts.append(Text(draw(WORDS)))
    for index, arguments in enumerate(draw(st.lists(ARGUMENTS, max_size=3))):
        parts.append(ToolCall(f"call_{index}", draw(st.sampled_from(["first", "second"])), arguments))
    reason = draw(st.sampled_from(["stop", "length"]))
    return Answer("id1", "model-x", tuple(parts), settled_reason(reason, parts), draw(usages()))


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


def written(dialect: Dialect, events: list[StreamEvent]) -> bytes:
    writer = GRAMMARS[dialect].writer(OUTSIDE, True)
    return b"".join(writer.write(event) for event in events)


def cut(sent: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(sent[:size])
        sent = sent[size:]
    return [*chunks, sent]


def told(answer: Answer) -> dict[str, Any]:
    """As `folding.fold` tells a stream."""
    return {
        "parts": [plain(part) for part in answer.parts],
        "finish_reason": answer.finish_reason,
        "usage": usage_of(answer.usage),
        "stop_sequence": answer.stop_sequence,
    }
