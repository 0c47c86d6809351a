"""Streams folded into plain answers: by our own readers, and by the official clients."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from llm.dialects.codec import StreamCodec
from llm.dialects.grammar import Grammar, Outside
from llm.dialects.hub import GRAMMARS, open_stream
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
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
)
from llm.dialects.sse import SseDecoder
from llm.spec import Dialect, StreamSummary, Usage

OPENAI: Dialect = "openai_chat"
ANTHROPIC: Dialect = "anthropic_messages"
OTHER: dict[Dialect, Dialect] = {OPENAI: ANTHROPIC, ANTHROPIC: OPENAI}
OUTSIDE = Outside(model="asked-model", clock=lambda: 1764000000.5, new_id=lambda: "fixed")


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def codec(upstream: Dialect, caller: Dialect, summary: StreamSummary, *, include_usage: bool = True) -> StreamCodec:
    return open_stream(
        upstream=upstream,
        caller=caller,
        include_usage=include_usage,
        model="asked-model",
        summary=summary,
        clock=OUTSIDE.clock,
        new_id=OUTSIDE.new_id,
    )


def run(stream: StreamCodec, chunks: Iterable[bytes]) -> bytes:
    """All bytes for the caller; feeding as an adapter does."""
    out = b""
    for chunk in chunks:
        out += stream.feed(chunk)
        if stream.complete:
            break
    return out + stream.end()


def events_of(dialect: Dialect, data: bytes) -> list[StreamEvent]:
    grammar: Grammar = GRAMMARS[dialect]
    reader = grammar.reader(StreamSummary(), OUTSIDE)
    decoder = SseDecoder()
    events: list[StreamEvent] = []
    for frame in [*decoder.feed(data), *decoder.flush()]:
        events += reader.read(frame)
    return events + list(reader.end())


def fold(events: Iterable[StreamEvent]) -> dict[str, Any]:
    """The answer that a stream tells; asserts the order that `neutral` promises."""
    parts: list[dict[str, Any]] = []
    open_block: Part | None = None
    texts: list[str] = []
    started = False
    for event in events:
        if isinstance(event, Started):
            assert not started
            started = True
        elif isinstance(event, BlockStart):
            assert started and open_block is None and event.index == len(parts)
            open_block, texts = event.part, []
        elif isinstance(event, Delta):
            assert open_block is not None and event.text
            texts.append(event.text)
        elif isinstance(event, BlockEnd):
            assert open_block is not None
            parts.append(_part(open_block, "".join(texts), event.signature))
            open_block = None
        elif isinstance(event, Finished):
            assert open_block is None and started
            return {
                "parts": parts,
                "finish_reason": event.finish_reason,
                "usage": usage_of(event.usage),
                "stop_sequence": event.stop_sequence,
            }
    raise AssertionError("the stream is not finished")


def plain(part: Part) -> dict[str, Any]:
    text = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
    return _part(part, text, getattr(part, "signature", None))


def _part(part: Part, text: str, signature: str | None) -> dict[str, Any]:
    match part:
        case Text():
            return {"text": text}
        case ToolCall(id=call_id, name=name):
            return {"call": [call_id, name, text]}
        case Thinking():
            return {"thinking": text, "signature": signature} if signature else {"thinking": text}
        case RedactedThinking(data):
            return {"redacted": data}
        case Refusal():
            return {"refusal": text}
    raise AssertionError(part)


def usage_of(usage: Usage) -> dict[str, int]:
    counts = msgspec.structs.asdict(usage)
    del counts["estimated"]
    return counts


def by_openai(data: bytes) -> Any:
    """The completion as the official client folds it, every chunk validated strictly."""
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletionChunk

    state = ChatCompletionStreamState()
    frames = [frame for frame in SseDecoder().feed(data) if frame.data]
    assert frames[-1].data == b"[DONE]"
    for frame in frames[:-1]:
        chunk = ChatCompletionChunk.model_validate_json(frame.data, strict=True)
        assert chunk.created and chunk.id and chunk.model
        state.handle_chunk(chunk)
    return state.current_completion_snapshot  # the "final" one raises for a length or filter finish


def by_anthropic(data: bytes) -> Any:
    """The message as the official client folds it, every event validated strictly."""
    from anthropic.lib.streaming._messages import accumulate_event
    from anthropic.types import RawMessageStreamEvent
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    frames = list(SseDecoder().feed(data))
    for frame in frames:
        assert frame.event == json.loads(frame.data)["type"]
        event = adapter.validate_json(frame.data, strict=True)
        if event.type == "message_stop":
            assert frame is frames[-1]
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    return snapshot
