"""The hub's stream, written as a generateContent stream."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.gemini import wire
from llm.dialects.gemini.citations import Grounding
from llm.dialects.gemini.logprobs import write_logprobs
from llm.dialects.gemini.parts_out import arguments, call_part, is_object, signed, signs_the_next, thought_part
from llm.dialects.grammar import Body, Outside
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
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
)

_encode: Final = msgspec.json.encode


class GeminiWriter:
    """Gemini has no event for the beginning of an answer or of a part. Calls come whole, so their pieces are kept
    until the call is. Gemini's callers always get the usage, so `include_usage` changes nothing."""

    def __init__(self, outside: Outside, include_usage: bool) -> None:
        self._outside = outside
        self._tail = b"}"
        self._block: Part = Text("")
        self._said: list[str] = []
        self._texts: list[str] = []
        self._signature: str | None = None  # Gemini's own, for the next part
        self._torn: ToolCall | None = None
        self._grounding = Grounding()
        self._sources_wait = False

    def write(self, event: StreamEvent) -> bytes:
        match event:
            case Delta():
                return self._delta(event)
            case BlockStart():
                return self._open(event.part)
            case BlockEnd():
                return self._close(event)
            case Cited():
                self._grounding.add(event.citation, "".join(self._texts))
                self._sources_wait = True
            case Started():
                origin = {
                    "modelVersion": event.model or self._outside.model,
                    "responseId": event.id or self._outside.new_id(),
                }
                self._tail = b"," + _encode(origin)[1:]
            case Finished():
                return self._finish(event)
        return b""

    def _event(self, parts: list[Body], more: bytes = b"", usage: bytes = b"") -> bytes:
        head = b'{"candidates":[{"content":{"parts":' + _encode(parts) + b',"role":"model"}'
        return _data(head + more + b',"index":0}]' + usage + self._tail)

    def _open(self, part: Part) -> bytes:
        out = self._settle(cut=False)
        self._block = part
        self._said = []
        if isinstance(part, Thinking | RedactedThinking):
            out += self._give_signature()
        if isinstance(part, RedactedThinking):
            self._signature = signs_the_next(part)
            out += b"" if self._signature else self._event([thought_part(part)])
        return out

    def _delta(self, event: Delta) -> bytes:
        block = self._block
        self._said.append(event.text)
        if isinstance(block, ToolCall):
            return b""
        if isinstance(block, Thinking):
            return self._event([{"text": event.text, "thought": True}])
        if isinstance(block, Text):
            self._texts.append(event.text)
        if not isinstance(block, Text | Refusal):
            return b""
        more = b"" if event.logprobs is None else b',"logprobsResult":' + _encode(write_logprobs(event.logprobs))
        return self._event([self._signed({"text": event.text})], more)

    def _close(self, event: BlockEnd) -> bytes:
        block = self._block
        if isinstance(block, ToolCall):
            return self._call(ToolCall(block.id, block.name, "".join(self._said)))
        if isinstance(block, Thinking) and event.signature:
            whole = Thinking("".join(self._said), event.signature, event.origin)
            self._signature = signs_the_next(whole)
            return b"" if self._signature else self._event([{**thought_part(whole), "text": ""}])
        if self._sources_wait:
            self._sources_wait = False
            return self._event([], self._sources())
        return b""

    def _call(self, call: ToolCall) -> bytes:
        if not is_object(call.arguments):
            self._torn = call  # forgiven where the bound tore it, and that is told at the end
            return b""
        return self._event([self._signed(call_part(call, arguments(call.arguments, cut=False)))])

    def _settle(self, *, cut: bool) -> bytes:
        call, self._torn = self._torn, None
        if call is None:
            return b""
        return self._event([self._signed(call_part(call, arguments(call.arguments, cut=cut)))])

    def _signed(self, part: Body) -> Body:
        signature, self._signature = self._signature, None
        return signed(part, signature)

    def _give_signature(self) -> bytes:
        return b"" if self._signature is None else self._event([self._signed({"text": ""})])

    def _sources(self) -> bytes:
        return b',"groundingMetadata":' + _encode(self._grounding.written())

    def _finish(self, event: Finished) -> bytes:
        out = self._settle(cut=event.finish_reason == "length")
        reason = b',"finishReason":' + _encode(wire.finish_word(event.finish_reason))
        sources = self._sources() if self._grounding else b""
        usage = b',"usageMetadata":' + _encode(wire.write_usage(event.usage))
        return out + self._event([self._signed({"text": ""})], reason + sources, usage)


def _data(payload: bytes) -> bytes:
    """One event. Arguments stand in it as they came, and their JSON may have lines."""
    if b"\n" not in payload and b"\r" not in payload:
        return b"data: " + payload + b"\n\n"
    lines = payload.replace(b"\r", b" ").split(b"\n")
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
