"""The hub's stream, written as chunks of a completion: the shape of a whole one, with a piece of its text each."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.grammar import Outside
from llm.dialects.neutral import BlockStart, Delta, Finished, Refusal, Started, StreamEvent, Text
from llm.dialects.openai_chat.relay import DONE
from llm.dialects.openai_chat.wire import write_usage
from llm.dialects.openai_completions.wire import finish_word, head
from llm.dialects.sse import data_event

_encode: Final = msgspec.json.encode


class CompletionsWriter:
    """`include_usage`: the usage chunk is given, and every other chunk says `"usage": null`."""

    __slots__ = ("_head", "_include_usage", "_is_said", "_outside", "_tail")

    def __init__(self, outside: Outside, include_usage: bool) -> None:
        self._outside = outside
        self._include_usage = include_usage
        self._head = b""
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._is_said = False

    def write(self, event: StreamEvent) -> bytes:
        match event:
            case Delta(text):
                return self._chunk(text) if self._is_said else b""
            case Started():
                start = _encode(head(event.id, event.model, self._outside))
                self._head = b"data: " + start[:-1] + b',"choices":['
            case BlockStart():
                self._is_said = isinstance(event.part, Text | Refusal)
            case Finished():
                return self._finish(event)
        return b""

    def _chunk(self, text: str, finish: bytes = b"null") -> bytes:
        choice = b'{"text":' + _encode(text) + b',"index":0,"logprobs":null,"finish_reason":' + finish + b"}"
        return self._head + choice + b"]" + self._tail

    def _finish(self, event: Finished) -> bytes:
        out = self._chunk("", _encode(finish_word(event.finish_reason)))
        if self._include_usage:
            out += self._head + b'],"usage":' + _encode(write_usage(event.usage)) + b"}\n\n"
        return out + data_event(DONE)
