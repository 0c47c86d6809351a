"""The hub's stream, written as chat completion chunks."""

from __future__ import annotations

import msgspec

from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Delta,
    Finished,
    Refusal,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
)
from llm.dialects.openai_chat import wire
from llm.dialects.openai_chat.relay import DONE
from llm.dialects.sse import data_event

_encode = msgspec.json.encode


class ChatWriter:
    """`include_usage`: the usage chunk is given, and every other chunk says `"usage": null`, as OpenAI's do."""

    __slots__ = ("_block", "_head", "_include_usage", "_outside", "_tail", "_tools")

    def __init__(self, outside: Outside, include_usage: bool) -> None:
        self._outside = outside
        self._include_usage = include_usage
        self._head = b""
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._block: type = Text
        self._tools = 0

    def write(self, event: StreamEvent) -> bytes:
        match event:
            case Delta():
                return self._delta(event.text)
            case Started():
                return self._start(event)
            case BlockStart():
                return self._open(event)
            case BlockEnd():
                return b""
            case Finished():
                return self._finish(event)

    def _start(self, event: Started) -> bytes:
        outside = self._outside
        head = _encode(
            {
                "id": wire.completion_id(event.id, outside.new_id()),
                "object": "chat.completion.chunk",
                "created": int(outside.clock()),
                "model": event.model or outside.model,
            }
        )
        self._head = b"data: " + head[:-1] + b',"choices":['
        return self._chunk(b'{"role":"assistant","content":""}')

    def _chunk(self, delta: bytes, finish: bytes = b"null") -> bytes:
        choice = b'{"index":0,"delta":' + delta + b',"logprobs":null,"finish_reason":' + finish + b"}"
        return self._head + choice + b"]" + self._tail

    def _open(self, event: BlockStart) -> bytes:
        part = event.part
        self._block = type(part)
        if not isinstance(part, ToolCall):
            return b""
        call = {
            "index": self._tools,
            "id": part.id,
            "type": "function",
            "function": {"name": part.name, "arguments": ""},
        }
        self._tools += 1
        return self._chunk(_encode({"tool_calls": [call]}))

    def _delta(self, text: str) -> bytes:
        kind = self._block
        if kind is Text:
            return self._chunk(b'{"content":' + _encode(text) + b"}")
        if kind is ToolCall:
            call = {"index": self._tools - 1, "function": {"arguments": text}}
            return self._chunk(_encode({"tool_calls": [call]}))
        if kind is Thinking:
            return self._chunk(b'{"reasoning_content":' + _encode(text) + b"}")
        if kind is Refusal:
            return self._chunk(b'{"refusal":' + _encode(text) + b"}")
        return b""

    def _finish(self, event: Finished) -> bytes:
        out = self._chunk(b"{}", _encode(wire.finish_word(event.finish_reason)))
        if self._include_usage:
            out += self._head + b'],"usage":' + _encode(wire.write_usage(event.usage)) + b"}\n\n"
        return out + data_event(DONE)
