"""A responses stream, read into the hub's stream."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Outside
from llm.dialects.neutral import Finished, Started, StreamEvent, settled_reason
from llm.dialects.openai_responses import wire
from llm.dialects.openai_responses.items import item_of
from llm.dialects.openai_responses.lanes import Lanes
from llm.dialects.openai_responses.live_items import LiveCall, LiveItem, LiveMessage, LiveThought, Skipped
from llm.dialects.openai_responses.relay import DONE, ENDS, refuse_failure, response_of
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import StreamSummary

_glance: Final = msgspec.json.Decoder(wire.EventGlance).decode
_decode: Final = msgspec.json.Decoder(wire.EventWire).decode
_BEGINS: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_ADDED: Final = "response.output_item.added"
_DONE: Final = "response.output_item.done"
# The events inside of an item, and what the item is where its beginning was left out.
_OF_ITEM: Final = {
    "response.output_text.delta": "message",
    "response.output_text.annotation.added": "message",
    "response.refusal.delta": "message",
    "response.function_call_arguments.delta": "function_call",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.content_part.added": "",
    "response.content_part.done": "",
}


class ResponsesReader:
    """Items and events of a type that the hub has no word for are skipped."""

    def __init__(self, summary: StreamSummary, outside: Outside) -> None:
        self.complete = False
        self._summary = summary
        self._outside = outside
        self._lanes = Lanes()
        self._items: dict[int, LiveItem] = {}
        self._started = False

    def read(self, frame: Frame) -> list[StreamEvent]:
        data = frame.data
        if not data or self.complete:
            return []
        event = _event(data)
        kind = event.type
        if kind in _OF_ITEM:
            item = self._items.get(event.output_index)
            if item is None:
                item = self._new(event.output_index, _OF_ITEM[kind], None)
            item.take(event)
        elif kind == _ADDED:
            self._added(event)
        elif kind == _DONE:
            self._done(event)
        else:
            return self._around(event, frame)
        return self._begun(self._lanes.take())

    def end(self) -> list[StreamEvent]:
        if not self._summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return [Finished(self._summary.finish_reason, self._summary.usage)]

    def _around(self, event: wire.EventWire, frame: Frame) -> list[StreamEvent]:
        """Events about the whole answer."""
        kind = event.type
        if kind in ENDS:
            return self._finish(response_of(frame.data), incomplete=kind == "response.incomplete")
        if kind in _BEGINS:
            return self._begun([], response_of(frame.data)) if not self._started else []
        refuse_failure(event, frame, self._summary)
        return []

    def _begun(self, events: list[StreamEvent], response: wire.ResponseWire | None = None) -> list[StreamEvent]:
        """The events, behind the beginning where it was not told yet."""
        if self._started or not (events or response):
            return events
        self._started = True
        told = response or wire.ResponseWire()
        return [Started(told.id or "", told.model or "", self._summary.usage), *events]

    def _new(self, place: int, kind: str, item: wire.ItemWire | None) -> LiveItem:
        live: LiveItem
        match kind:
            case "message":
                live = LiveMessage(self._lanes)
            case "function_call":
                live = LiveCall(self._lanes, self._outside, item)
            case "reasoning":
                live = LiveThought(self._lanes)
            case _:
                return Skipped()
        self._items[place] = live
        return live

    def _added(self, event: wire.EventWire) -> None:
        before = self._items.pop(event.output_index, None)
        if before is not None:
            before.end()
        item = item_of(event.item)
        if item is None:
            self._items[event.output_index] = Skipped()
        else:
            self._new(event.output_index, item.type, item)

    def _done(self, event: wire.EventWire) -> None:
        item = item_of(event.item)
        if item is not None:
            live = self._items.get(event.output_index) or self._new(event.output_index, item.type, None)
            live.done(item)

    def _finish(self, response: wire.ResponseWire, *, incomplete: bool) -> list[StreamEvent]:
        if not self._items:
            for place, raw in enumerate(response.output or ()):
                self._done(wire.EventWire(output_index=place, item=raw))
        for item in self._items.values():
            item.end()
        events = self._begun(self._lanes.take(), response)
        summary = self._summary
        summary.usage = wire.read_usage(response.usage) or summary.usage
        reason = wire.finish_reason(response, incomplete=incomplete)
        summary.finish_reason = settled_reason(reason, self._lanes.parts)
        summary.finished = self.complete = True
        return events


def _event(data: bytes) -> wire.EventWire:
    """Of a type that is not known it may have fields of any form: then all but its type is left out."""
    try:
        return _decode(data)
    except BAD_JSON as error:
        event = _glimpse(data)
        if event is None or event.type in _OF_ITEM or event.type in (_ADDED, _DONE):
            complaint = "ended before its answer did" if data.startswith(DONE) else "holds a malformed event"
            raise UpstreamMalformed(f"The provider's stream {complaint}.") from error
        return wire.EventWire(type=event.type, error=event.error)


def _glimpse(data: bytes) -> wire.EventGlance | None:
    try:
        return _glance(data)
    except BAD_JSON:
        return None
