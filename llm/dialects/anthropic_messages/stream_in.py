"""Messages events, read into the hub's stream."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.anthropic_messages import wire
from llm.dialects.anthropic_messages.error import read_error
from llm.dialects.anthropic_messages.result import arguments_of, part_of
from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    NO_ARGUMENTS,
    BlockEnd,
    BlockStart,
    Delta,
    Finished,
    RedactedThinking,
    Started,
    StreamEvent,
    ToolCall,
)
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import StreamSummary

_decode: Final = msgspec.json.Decoder(wire.EventWire).decode


class MessagesReader:
    """Blocks of a type that the hub has no word for (a server's own tools) are skipped, with all their deltas."""

    def __init__(self, summary: StreamSummary, outside: Outside) -> None:
        self.complete = False
        self._summary = summary
        self._outside = outside
        self._count = wire.UsageCount()
        self._started = False
        self._blocks = 0
        self._open: BlockStart | None = None
        self._from_start = ""
        self._said_anything = False
        self._signature = ""
        self._stop_sequence: str | None = None

    def read(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data or self.complete:
            return []
        try:
            event = _decode(frame.data)
        except BAD_JSON as error:
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        match event.type:
            case "content_block_delta":
                return self._delta(event.delta)
            case "content_block_start":
                return self._block(event.content_block)
            case "content_block_stop":
                return self._close()
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
        self._usage(message.usage)
        return [Started(message.id, message.model, self._summary.usage)]

    def _block(self, block: wire.BlockWire | None) -> list[StreamEvent]:
        if block is None or not self._started:
            raise UpstreamMalformed("The provider's stream has a block without a beginning.")
        events = self._close()
        part = part_of(block, self._outside)
        if part is None:
            return events
        text = block.text or block.thinking
        if isinstance(part, ToolCall):
            # Usually `input` is {} here and comes in deltas; some servers send it whole at the start.
            self._from_start = arguments_of(block)
            part = ToolCall(part.id, part.name, "")
        elif not isinstance(part, RedactedThinking):
            part = type(part)("")
        self._open = BlockStart(self._blocks, part)
        self._blocks += 1
        self._said_anything = False
        self._signature = block.signature
        events.append(self._open)
        return events + self._say(text)

    def _say(self, text: str) -> list[StreamEvent]:
        if not text:
            return []
        self._said_anything = True
        return [Delta(text)]

    def _delta(self, delta: wire.DeltaWire | None) -> list[StreamEvent]:
        if self._open is None or delta is None:
            return []
        match delta.type:
            case "text_delta":
                return self._say(delta.text)
            case "input_json_delta":
                return self._say(delta.partial_json)
            case "thinking_delta":
                return self._say(delta.thinking)
            case "signature_delta":
                self._signature = delta.signature
        return []

    def _close(self) -> list[StreamEvent]:
        if self._open is None:
            return []
        events: list[StreamEvent] = []
        if isinstance(self._open.part, ToolCall) and not self._said_anything:
            events.append(Delta(self._from_start or NO_ARGUMENTS))
        self._open = None
        events.append(BlockEnd(self._signature or None))
        return events

    def _message_delta(self, event: wire.EventWire) -> list[StreamEvent]:
        self._usage(event.usage)
        if event.delta is not None and event.delta.stop_reason:
            self._summary.finish_reason = wire.finish_reason(event.delta.stop_reason)
            self._summary.finished = True
            self._stop_sequence = event.delta.stop_sequence
        return self._close()

    def _usage(self, raw: msgspec.Raw) -> None:
        usage = self._count.add(raw)
        if usage is not None:
            self._summary.usage = usage
