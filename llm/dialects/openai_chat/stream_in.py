"""Chat completion chunks, read into the hub's stream."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Outside
from llm.dialects.neutral import Finished, Started, StreamEvent
from llm.dialects.openai_chat import wire
from llm.dialects.openai_chat.blocks import Blocks
from llm.dialects.openai_chat.error import read_error, refuse_bare_error
from llm.dialects.openai_chat.relay import DONE
from llm.dialects.openai_chat.result import refuse_error_reason
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import StreamSummary

_decode: Final = msgspec.json.Decoder(wire.ChunkWire).decode


class ChatReader:
    """Reads choice 0 (n > 1 never comes here). `Finished` is held back until the usage can be known: the usage
    chunk comes behind the finish reason."""

    def __init__(self, summary: StreamSummary, outside: Outside) -> None:
        self.complete = False
        self._summary = summary
        self._started = False
        self._blocks = Blocks(outside)

    def read(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data or self.complete:
            return []
        if frame.data.startswith(DONE):
            self.complete = True
            return []
        try:
            chunk = _decode(frame.data)
        except BAD_JSON as error:
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        if not wire.absent(chunk.error):
            raise read_error(chunk.error)
        if chunk.choices is None:
            refuse_bare_error(frame.data)
        events: list[StreamEvent] = []
        for choice in chunk.choices or ():
            if choice.index == 0:
                events += self._choice(choice, chunk)
        usage = wire.read_usage(chunk.usage)
        if usage is not None:
            self._summary.usage = usage
            self.complete = self._summary.finished and not chunk.choices
        return events

    def end(self) -> list[StreamEvent]:
        summary = self._summary
        if not summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return [Finished(summary.finish_reason, summary.usage)]

    def _choice(self, choice: wire.StreamChoiceWire, chunk: wire.ChunkWire) -> list[StreamEvent]:
        if self._summary.finished:
            return []
        events: list[StreamEvent] = []
        if not self._started:
            self._started = True
            events.append(Started(chunk.id or "", chunk.model or "", self._summary.usage))
        events += self._blocks.take(choice)
        if choice.finish_reason:
            refuse_error_reason(choice.finish_reason)
            events += self._blocks.settle()
            self._summary.finish_reason = self._blocks.reason(wire.finish_reason(choice.finish_reason))
            self._summary.finished = True
        return events
