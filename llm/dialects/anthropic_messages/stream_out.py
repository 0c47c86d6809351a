"""The hub's stream, written as messages events."""

from __future__ import annotations

import msgspec

from llm.dialects.anthropic_messages import wire
from llm.dialects.anthropic_messages.citations import write_citation
from llm.dialects.anthropic_messages.relay import MESSAGE_STOP
from llm.dialects.anthropic_messages.result import prose_block
from llm.dialects.anthropic_messages.words import HOME
from llm.dialects.grammar import Body, Outside
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Cited,
    Delta,
    Finished,
    Started,
    StreamEvent,
    Thinking,
    ToolCall,
)
from llm.dialects.signatures import outward
from llm.dialects.sse import named_event

_encode = msgspec.json.encode
_TEXT = (b"text_delta", b"text")
_THINKING = (b"thinking_delta", b"thinking")
_INPUT = (b"input_json_delta", b"partial_json")


class MessagesWriter:
    """Anthropic's callers always get the usage, so `include_usage` changes nothing."""

    __slots__ = ("_delta_head", "_index", "_outside")

    def __init__(self, outside: Outside, include_usage: bool) -> None:
        self._outside = outside
        self._index = b"0"
        self._delta_head = b""

    def write(self, event: StreamEvent) -> bytes:
        match event:
            case Delta():
                return self._delta_head + _encode(event.text) + b"}}\n\n"
            case Started():
                return self._start(event)
            case BlockStart():
                return self._open(event)
            case BlockEnd():
                return self._close(event)
            case Cited():
                return self._delta({"type": "citations_delta", "citation": write_citation(event.citation)})
            case Finished():
                return self._finish(event)

    def _start(self, event: Started) -> bytes:
        message: dict[str, object] = {
            "id": wire.message_id(event.id, self._outside.new_id()),
            "type": "message",
            "role": "assistant",
            "model": event.model or self._outside.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": wire.write_usage(event.usage),
        }
        return named_event(b"message_start", _encode({"type": "message_start", "message": message}))

    def _open(self, event: BlockStart) -> bytes:
        part = event.part
        kind, field = _THINKING if isinstance(part, Thinking) else _TEXT
        block = prose_block(part)
        if isinstance(part, ToolCall):
            kind, field = _INPUT
            block = {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        self._index = str(event.index).encode()
        self._delta_head = self._head() + b'"delta":{"type":"' + kind + b'","' + field + b'":'
        start = {"type": "content_block_start", "index": event.index, "content_block": block}
        return named_event(b"content_block_start", _encode(start))

    def _head(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":' + self._index + b","

    def _delta(self, delta: Body) -> bytes:
        return self._head() + b'"delta":' + _encode(delta) + b"}\n\n"

    def _close(self, event: BlockEnd) -> bytes:
        signature = b""
        if event.signature:
            marked = outward(event.signature, event.origin, HOME)
            signature = self._delta({"type": "signature_delta", "signature": marked})
        stop = b'{"type":"content_block_stop","index":' + self._index + b"}"
        return signature + named_event(b"content_block_stop", stop)

    def _finish(self, event: Finished) -> bytes:
        stop_sequence = event.stop_sequence if event.finish_reason == "stop" else None
        delta = {
            "type": "message_delta",
            "delta": {
                "stop_reason": wire.stop_reason(event.finish_reason, stop_sequence),
                "stop_sequence": stop_sequence,
            },
            "usage": wire.write_usage(event.usage),
        }
        return named_event(b"message_delta", _encode(delta)) + MESSAGE_STOP
