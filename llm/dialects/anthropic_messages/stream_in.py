"""Messages events, read into the hub's stream."""

from __future__ import annotations

from typing import Final

from llm.dialects.anthropic_messages import wire
from llm.dialects.anthropic_messages.citations import citation_of, citations_of, placed
from llm.dialects.anthropic_messages.error import read_error
from llm.dialects.anthropic_messages.events import read_event
from llm.dialects.anthropic_messages.result import AnswerPart, arguments_of, part_of
from llm.dialects.anthropic_messages.words import HOME
from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    NO_ARGUMENTS,
    BlockEnd,
    BlockStart,
    Citation,
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
    settled_reason,
)
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import StreamSummary

_DELTAS: Final[dict[type[Part], str]] = {
    Text: "text_delta",
    ToolCall: "input_json_delta",
    Thinking: "thinking_delta",
}


class MessagesReader:
    """Blocks of a type that the hub has no word for (a server's own tools) are skipped, with all their deltas."""

    def __init__(self, summary: StreamSummary, outside: Outside) -> None:
        self.complete = False
        self._summary = summary
        self._outside = outside
        self._count = wire.UsageCount()
        self._started = False
        self._blocks = _Blocks()
        self._stop_sequence: str | None = None

    def read(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data or self.complete:
            return []
        event = read_event(frame.data)
        match event.type:
            case "content_block_delta":
                return self._blocks.add(event.delta)
            case "content_block_start":
                return self._block(event.content_block)
            case "content_block_stop":
                return self._blocks.close()
            case "message_start":
                return self._start(event.message)
            case "message_delta":
                return self._message_delta(event)
            case "message_stop":
                self.complete = self._whole()
            case "error":
                raise read_error(event.error)
        return []

    def end(self) -> list[StreamEvent]:
        self._whole()
        return [Finished(self._summary.finish_reason, self._summary.usage, self._stop_sequence)]

    def _whole(self) -> bool:
        if not (self._started and self._summary.finished):
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return True

    def _start(self, message: wire.MessageWire | None) -> list[StreamEvent]:
        if message is None or self._started:
            raise UpstreamMalformed("The provider's stream does not begin as it should.")
        self._started = True
        self._usage(message)
        return [Started(message.id or "", message.model or "", self._summary.usage)]

    def _block(self, block: wire.BlockWire | None) -> list[StreamEvent]:
        if block is None or not self._started:
            raise UpstreamMalformed("The provider's stream has a block without a beginning.")
        events = self._blocks.close()
        part = part_of(block, self._outside)
        return events if part is None else events + self._blocks.open(part, block)

    def _message_delta(self, event: wire.EventWire) -> list[StreamEvent]:
        self._usage(event)
        events = self._blocks.close()
        delta = event.delta
        if delta is None or not delta.stop_reason:
            return events
        explanation = wire.explanation(delta.stop_reason, delta.stop_details)
        if explanation and not self._summary.finished:
            events += self._blocks.refusal(explanation)
        self._summary.finish_reason = settled_reason(wire.finish_reason(delta.stop_reason), self._blocks.parts)
        self._summary.finished = True
        self._stop_sequence = delta.stop_sequence
        return events

    def _usage(self, told: wire.MessageWire | wire.EventWire) -> None:
        usage = self._count.add(told.usage)
        if usage is not None:
            self._summary.usage = usage


class _Blocks:
    """`parts` are the blocks so far, each without its text.

    A block's citations are given when it closes: they back all of its text, and may come before it.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._open: AnswerPart | None = None
        self._from_start = ""
        self._is_blank = True
        self._signature: str | None = None
        self._citations: list[Citation] = []
        self._begin = self._place = 0  # in characters of the answer's text

    def open(self, part: AnswerPart, block: wire.BlockWire) -> list[StreamEvent]:
        text = ""
        self._from_start, self._is_blank, self._signature = "", True, None
        if isinstance(part, ToolCall):
            # Usually `input` is {} here and comes in deltas; some servers send it whole at the start.
            self._from_start = arguments_of(block)
            part = ToolCall(part.id, part.name, "")
        elif isinstance(part, Thinking):
            text, self._signature = part.text, part.signature
            part = Thinking("")
        elif isinstance(part, Text):
            text, part = part.text, Text("")
            self._begin, self._citations = self._place, [*citations_of(block.citations)]
        self._open = part
        return [self._start(part), *self._say(text)]

    def add(self, delta: wire.DeltaWire | None) -> list[StreamEvent]:
        if self._open is None or delta is None:
            return []
        kind = delta.type
        if kind == _DELTAS.get(type(self._open)):
            return self._say(delta.text or delta.partial_json or delta.thinking)
        if kind == "signature_delta" and isinstance(self._open, Thinking):
            self._signature = delta.signature
        elif kind == "citations_delta" and isinstance(self._open, Text):
            self._citations += citation_of(delta.citation)
        return []

    def close(self) -> list[StreamEvent]:
        part, self._open = self._open, None
        if part is None:
            return []
        if isinstance(part, ToolCall) and self._is_blank:
            return [Delta(self._from_start or NO_ARGUMENTS), BlockEnd()]
        if isinstance(part, Thinking) and self._signature:
            return [BlockEnd(self._signature, HOME)]
        if isinstance(part, Text) and self._citations:
            return [*map(Cited, placed(self._citations, self._begin, self._place)), BlockEnd()]
        return [BlockEnd()]

    def refusal(self, explanation: str) -> list[StreamEvent]:
        return [self._start(Refusal("")), Delta(explanation), BlockEnd()]

    def _start(self, part: Text | ToolCall | Thinking | RedactedThinking | Refusal) -> BlockStart:
        self.parts.append(part)
        return BlockStart(len(self.parts) - 1, part)

    def _say(self, text: str) -> list[StreamEvent]:
        if not text:
            return []
        if isinstance(self._open, Text):
            self._place += len(text)
        elif self._is_blank:
            self._is_blank = not text.strip()
        return [Delta(text)]
