"""The hub's stream, written as a responses stream."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.grammar import Body, Outside
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Cited,
    Delta,
    Finished,
    Refusal,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
)
from llm.dialects.openai_responses import response, wire
from llm.dialects.openai_responses.logprobs import read_entries
from llm.dialects.openai_responses.output import Output
from llm.dialects.sse import named_event

_encode: Final = msgspec.json.encode
_DELTAS: Final[dict[type, str]] = {
    Text: "response.output_text.delta",
    Refusal: "response.refusal.delta",
    ToolCall: "response.function_call_arguments.delta",
    Thinking: "response.reasoning_summary_text.delta",
}


class ResponsesWriter:
    """Callers of responses always get the usage, so `include_usage` changes nothing."""

    __slots__ = ("_delta_head", "_is_text", "_number", "_output", "_outside", "_response")

    def __init__(self, outside: Outside, include_usage: bool) -> None:
        self._outside = outside
        self._response: Body = {}
        self._output = Output("")
        self._number = 0
        self._delta_head = b""
        self._is_text = False

    def write(self, event: StreamEvent) -> bytes:
        match event:
            case Delta():
                return self._delta(event)
            case Started():
                return self._start(event)
            case BlockStart():
                return self._open(event)
            case BlockEnd():
                return self._events(self._output.close(event))
            case Cited():
                self._output.cite(event.citation)
                return b""
            case Finished():
                return self._finish(event)

    def _start(self, event: Started) -> bytes:
        base = self._outside.new_id()
        self._output = Output(base)
        self._response = response.begun(event.id, event.model, self._outside, base)
        return self._events(
            [
                {"type": "response.created", "response": self._response},
                {"type": "response.in_progress", "response": self._response},
            ]
        )

    def _open(self, event: BlockStart) -> bytes:
        out = self._events(self._output.open(event))
        kind = _DELTAS.get(type(event.part))
        self._is_text = isinstance(event.part, Text)
        if kind is not None:
            head = _encode({"type": kind, **self._output.place()})
            self._delta_head = b"event: " + kind.encode() + b"\ndata: " + head[:-1] + b',"delta":'
        return out

    def _delta(self, event: Delta) -> bytes:
        entries = read_entries(event.logprobs) if event.logprobs is not None and self._is_text else []
        before = self._output.say(event.text, entries)
        out = self._events(before) if before else b""
        more = b',"logprobs":' + _encode(entries) if self._is_text else b""
        number = b"%d" % self._number
        self._number += 1
        return out + self._delta_head + _encode(event.text) + more + b',"sequence_number":' + number + b"}\n\n"

    def _finish(self, event: Finished) -> bytes:
        output = self._output
        incomplete = wire.incomplete_word(event.finish_reason, refused=output.refused)
        events = output.finish("completed" if incomplete is None else "incomplete")
        whole = response.ended(self._response, output.items, incomplete, event.usage, self._outside)
        return self._events([*events, {"type": f"response.{whole['status']}", "response": whole}])

    def _events(self, bodies: list[Body]) -> bytes:
        written = []
        for body in bodies:
            kind = str(body["type"]).encode()
            written.append(named_event(kind, _encode({**body, "sequence_number": self._number})))
            self._number += 1
        return b"".join(written)
