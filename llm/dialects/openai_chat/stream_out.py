"""The hub's stream, written as chat completion chunks."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Cited,
    Delta,
    Finished,
    RedactedThinking,
    Refusal,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
)
from llm.dialects.openai_chat import wire
from llm.dialects.openai_chat.citations import write_annotation
from llm.dialects.openai_chat.logprobs import write_logprobs
from llm.dialects.openai_chat.relay import DONE
from llm.dialects.openai_chat.thoughts import Thought, write_detail
from llm.dialects.sse import data_event

_encode: Final = msgspec.json.encode
_FIELDS: Final[dict[type, bytes]] = {Text: b"content", Thinking: b"reasoning_content", Refusal: b"refusal"}


class ChatWriter:
    """`include_usage`: the usage chunk is given, and every other chunk says `"usage": null`, as OpenAI's do.

    Lists in deltas have an index in each entry, details and annotations too: OpenAI's client folds them by it.
    """

    __slots__ = (
        "_annotations",
        "_block",
        "_details",
        "_head",
        "_include_usage",
        "_outside",
        "_refuses",
        "_tail",
        "_thought",
        "_tools",
    )

    def __init__(self, outside: Outside, include_usage: bool) -> None:
        self._outside = outside
        self._include_usage = include_usage
        self._head = b""
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._block: type = Text
        self._tools = self._details = self._annotations = 0
        self._thought: list[str] = []
        self._refuses = False

    def write(self, event: StreamEvent) -> bytes:
        match event:
            case Delta():
                return self._delta(event)
            case Started():
                return self._start(event)
            case BlockStart():
                return self._open(event)
            case BlockEnd():
                return self._close(event)
            case Cited():
                return self._cite(event)
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

    def _chunk(self, delta: bytes, finish: bytes = b"null", logprobs: bytes = b"null") -> bytes:
        choice = b'{"index":0,"delta":' + delta + b',"logprobs":' + logprobs + b',"finish_reason":' + finish + b"}"
        return self._head + choice + b"]" + self._tail

    def _open(self, event: BlockStart) -> bytes:
        part = event.part
        again = self._block is Thinking and isinstance(part, Thinking)
        self._block = type(part)
        if again and self._thought:
            return self._detail(Thinking(self._said()))  # else its reader takes the two thoughts for one
        self._thought.clear()
        if isinstance(part, RedactedThinking):
            return self._detail(part)
        if isinstance(part, Refusal):
            self._refuses = True
        return self._call(part) if isinstance(part, ToolCall) else b""

    def _call(self, part: ToolCall) -> bytes:
        call = {
            "index": self._tools,
            "id": part.id,
            "type": "function",
            "function": {"name": part.name, "arguments": ""},
        }
        self._tools += 1
        return self._chunk(_encode({"tool_calls": [call]}))

    def _delta(self, event: Delta) -> bytes:
        kind, text = self._block, event.text
        logprobs = b"null"
        if event.logprobs is not None:
            logprobs = write_logprobs(event.logprobs, of_refusal=kind is Refusal)
        if kind is ToolCall:
            call = {"index": self._tools - 1, "function": {"arguments": text}}
            return self._chunk(_encode({"tool_calls": [call]}), logprobs=logprobs)
        field = _FIELDS.get(kind)
        if field is None:
            return b""
        if kind is Thinking:
            self._thought.append(text)
        return self._chunk(b'{"' + field + b'":' + _encode(text) + b"}", logprobs=logprobs)

    def _close(self, event: BlockEnd) -> bytes:
        """The text of signed thinking is said once more, in whole, beside its signature."""
        if not event.signature or self._block is not Thinking:
            return b""
        return self._detail(Thinking(self._said(), event.signature, event.origin))

    def _said(self) -> str:
        text = "".join(self._thought)
        self._thought.clear()
        return text

    def _detail(self, part: Thought) -> bytes:
        detail = write_detail(part, self._details)
        self._details += 1
        return self._chunk(_encode({"reasoning_details": [detail]}))

    def _cite(self, event: Cited) -> bytes:
        annotation = {"index": self._annotations, **write_annotation(event.citation)}
        self._annotations += 1
        return self._chunk(_encode({"annotations": [annotation]}))

    def _finish(self, event: Finished) -> bytes:
        word = wire.finish_word(event.finish_reason, refuses=self._refuses)
        out = self._chunk(b"{}", _encode(word))
        if self._include_usage:
            out += self._head + b'],"usage":' + _encode(wire.write_usage(event.usage)) + b"}\n\n"
        return out + data_event(DONE)
