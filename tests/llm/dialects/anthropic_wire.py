"""Messages as callers and providers of Anthropic's dialect write them, and streams folded into the hub's parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from llm.dialects.anthropic_messages import GRAMMAR
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    BlockStart,
    Cited,
    Conversation,
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
    Turn,
)
from llm.dialects.sse import SseDecoder, named_event
from llm.spec import StreamSummary, Usage
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import ANTHROPIC, OUTSIDE, pieces

EPHEMERAL = {"type": "ephemeral"}
USAGE = {"input_tokens": 3, "output_tokens": 5}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [*blocks] or "Hello"}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": [*blocks]}


def reads(*messages: dict[str, Any], **body: Any) -> Conversation:
    asked = request(ANTHROPIC, {"model": "m", "max_tokens": 50, "messages": [*messages] or [user()], **body})
    return GRAMMAR.read_request(asked)


def parts_of(message: dict[str, Any]) -> tuple[Part, ...]:
    """Of a message that loses nothing."""
    conversation = reads(message)
    assert conversation.lost == ()
    (turn,) = conversation.turns
    return turn.parts


def write(
    *turns: Turn, default_max_tokens: int | None = None, **more: Any
) -> tuple[dict[str, Any], tuple[str, ...], bytes]:
    conversation = Conversation(turns=turns or (Turn("user", (Text("Hello"),)),), **more)
    body, dropped = GRAMMAR.write_request(conversation, default_max_tokens=default_max_tokens)
    raw = msgspec.json.encode(body)
    return json.loads(raw), dropped, raw


def blocks_of(*parts: Part, role: Any = "user") -> list[Any]:
    """The blocks that are written for parts of which nothing is lost."""
    body, dropped, _ = write(Turn(role, parts))
    assert dropped == ()
    found: list[Any] = body["messages"][0]["content"]
    return found


def message(*content: dict[str, Any], reason: str = "end_turn", **more: Any) -> bytes:
    """A provider's whole answer."""
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [*content]}
    return json.dumps({**body, "stop_reason": reason, "stop_sequence": None, "usage": USAGE, **more}).encode()


def event(kind: str, **fields: Any) -> bytes:
    return named_event(kind.encode(), json.dumps({"type": kind, **fields}).encode())


START = event("message_start", message={"id": "msg_1", "model": "claude-x", "content": [], "usage": USAGE})


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    out = event("content_block_start", index=index, content_block=start)
    for delta in deltas:
        out += event("content_block_delta", index=index, delta=delta)
    return out + event("content_block_stop", index=index)


def end(reason: str = "end_turn", **delta: Any) -> bytes:
    told = event("message_delta", delta={"stop_reason": reason, "stop_sequence": None, **delta}, usage=USAGE)
    return told + event("message_stop")


def stream(*blocks: bytes, reason: str = "end_turn", **delta: Any) -> bytes:
    return START + b"".join(blocks) + end(reason, **delta)


def read_stream(data: bytes, size: int = 1 << 20) -> list[StreamEvent]:
    reader, decoder = GRAMMAR.reader(StreamSummary(), OUTSIDE), SseDecoder()
    events: list[StreamEvent] = []
    for piece in pieces(data, size):
        for frame in decoder.feed(piece):
            events += reader.read(frame)
    return [*events, *reader.end()]


def folded(events: Iterable[StreamEvent]) -> Answer:
    """The answer that a stream tells, in the hub's own types; asserts the order that `neutral` promises."""
    parts: list[Part] = []
    left = iter(events)
    started = next(left)
    assert isinstance(started, Started)
    for following in left:
        if isinstance(following, Finished):
            assert list(left) == []
            reason, usage = following.finish_reason, following.usage
            return Answer(started.id, started.model, tuple(parts), reason, usage, following.stop_sequence)
        assert isinstance(following, BlockStart) and following.index == len(parts)
        parts.append(_part(following.part, left))
    raise AssertionError("the stream is not finished")


def _part(part: Part, left: Iterator[StreamEvent]) -> Part:
    said, citations = "", []
    for following in left:
        if isinstance(following, Delta):
            assert following.text
            said += following.text
        elif isinstance(following, Cited):
            assert isinstance(part, Text)
            citations.append(following.citation)
        elif isinstance(following, BlockEnd):
            return _whole(part, said, tuple(citations), following)
        else:
            break
    raise AssertionError("a block is not closed")


def _whole(part: Part, said: str, citations: tuple[Any, ...], closed: BlockEnd) -> Part:
    match part:
        case Text(text="", citations=()):
            return Text(said, citations)
        case ToolCall(arguments=""):
            return ToolCall(part.id, part.name, said)
        case Thinking(text="", signature=None):
            return Thinking(said, closed.signature, closed.origin)
        case Refusal(text=""):
            return Refusal(said)
        case RedactedThinking():
            assert not said
            return part
    raise AssertionError(part)


def streamed(answer: Answer) -> list[StreamEvent]:
    """The answer as a stream of one delta for each part."""
    events: list[StreamEvent] = [Started(answer.id, answer.model, Usage())]
    for index, part in enumerate(answer.parts):
        events += _streamed_part(index, part)
    return [*events, Finished(answer.finish_reason, answer.usage, answer.stop_sequence)]


def _streamed_part(index: int, part: Part) -> list[StreamEvent]:
    match part:
        case Text(said):
            cited = [Cited(citation) for citation in part.citations]
            return [BlockStart(index, Text("")), *([Delta(said)] if said else []), *cited, BlockEnd()]
        case Refusal(said):
            return [BlockStart(index, Refusal("")), Delta(said), BlockEnd()]
        case ToolCall():
            return [BlockStart(index, ToolCall(part.id, part.name, "")), Delta(part.arguments), BlockEnd()]
        case Thinking(said):
            deltas = [Delta(said)] if said else []
            return [BlockStart(index, Thinking("")), *deltas, BlockEnd(part.signature, part.origin)]
        case RedactedThinking():
            return [BlockStart(index, part), BlockEnd()]
    raise AssertionError(part)
