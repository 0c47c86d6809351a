"""A messages stream on its way to a caller of the same dialect: every event as it came.

The hot path: microseconds per event count here.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.anthropic_messages import wire
from llm.dialects.anthropic_messages.error import read_error
from llm.dialects.anthropic_messages.events import glance_at_event
from llm.dialects.fields import BAD_JSON
from llm.dialects.signatures import MARKED
from llm.dialects.sse import Frame, named_event, only_line
from llm.errors import UpstreamMalformed
from llm.spec import StreamSummary

_DELTA: Final = b"event: content_block_delta\ndata: "
_plain: Final = msgspec.json.Decoder(wire.PlainEvent).decode
MESSAGE_STOP: Final = named_event(b"message_stop", b'{"type":"message_stop"}')


class MessagesRelay:
    """Anthropic's callers always get the usage, so `include_usage` changes nothing."""

    __slots__ = ("_count", "_summary", "complete", "said")

    def __init__(self, summary: StreamSummary, include_usage: bool) -> None:
        self.complete = False
        self.said = 0
        self._summary = summary
        self._count = wire.UsageCount()

    def plain(self, data: bytes) -> bool:
        if not data.startswith(_DELTA):
            return False
        end = only_line(data, len(_DELTA) - 6)
        if not end or data.find(MARKED) >= 0:
            return False
        try:
            event = _plain(data[len(_DELTA) : end])
        except BAD_JSON:
            return False
        if event.delta.text:
            self.said += 1
        return True

    def frame(self, frame: Frame) -> bytes:
        if not frame.data:
            return frame.raw
        event = glance_at_event(frame.data)
        kind = event.type
        if kind != "content_block_delta":
            self._note(event)
        # The event line is mandatory for Anthropic's clients; some compatible servers leave it out.
        return frame.raw if frame.event else named_event(kind.encode(), frame.data.replace(b"\n", b" "))

    def _note(self, event: wire.EventGlance) -> None:
        summary = self._summary
        if event.type == "error":
            raise read_error(event.error)
        if event.message is not None:
            self._usage(event.message.usage)
        self._usage(event.usage)
        if event.type == "message_delta" and event.delta is not None and event.delta.stop_reason:
            summary.finish_reason = wire.finish_reason(event.delta.stop_reason)
            summary.finished = True
        elif event.type == "message_stop":
            if not summary.finished:
                raise UpstreamMalformed("The provider's stream ended before its answer did.")
            self.complete = True

    def _usage(self, raw: msgspec.Raw) -> None:
        usage = self._count.add(raw)
        if usage is not None:
            self._summary.usage = usage

    def owed(self) -> bytes:
        if not self._summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return b"" if self.complete else MESSAGE_STOP
