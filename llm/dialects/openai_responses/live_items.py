"""Items of a stream under way: what their events say goes into lanes, one for each block.

What the last event of an item tells beyond the events before it is said then: some servers give no deltas.
"""

from __future__ import annotations

from typing import Protocol

from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    arguments_text,
)
from llm.dialects.openai_responses import sources
from llm.dialects.openai_responses.items import call_of, part_of, prose_of, thought_of_item
from llm.dialects.openai_responses.lanes import Lane, Lanes
from llm.dialects.openai_responses.logprobs import EntryWire, read_entries, written
from llm.dialects.openai_responses.wire import EventWire, ItemWire, PartWire
from llm.errors import UpstreamMalformed


class LiveItem(Protocol):
    def take(self, event: EventWire) -> None: ...

    def done(self, item: ItemWire) -> None: ...

    def end(self) -> None:
        """The stream ends without the item's own end."""


class Skipped:
    """An item of a type that the hub has no word for."""

    def take(self, event: EventWire) -> None:
        pass

    def done(self, item: ItemWire) -> None:
        pass

    def end(self) -> None:
        pass


class LiveMessage:
    """A block for each part. Its text is said by deltas; its sources come by events of their own or with its end."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._parts: dict[int, Lane] = {}
        self._logprobs: list[EntryWire] = []  # of tokens that ended in no text yet

    def take(self, event: EventWire) -> None:
        match event.type:
            case "response.output_text.delta":
                self._text(self._part(event.content_index, Text("")), event)
            case "response.refusal.delta":
                self._part(event.content_index, Refusal("")).say(event.delta)
            case "response.content_part.added":
                self._added(event.content_index, part_of(event.part))
            case "response.content_part.done":
                self._ended(event.content_index, part_of(event.part))
            case "response.output_text.annotation.added":
                citation = sources.read_one(event.annotation)
                if citation is not None:
                    self._part(event.content_index, Text("")).cite(citation)

    def done(self, item: ItemWire) -> None:
        for place, raw in enumerate(item.content or ()):
            self._ended(place, part_of(raw))
        self.end()

    def end(self) -> None:
        for lane in self._parts.values():
            lane.close()

    def _text(self, lane: Lane, event: EventWire) -> None:
        self._logprobs += read_entries(event.logprobs)
        if event.delta:
            lane.say(event.delta, written(self._logprobs))
            self._logprobs = []

    def _part(self, place: int, empty: Text | Refusal) -> Lane:
        lane = self._parts.get(place)
        if lane is None:
            lane = self._parts[place] = self._lanes.add(self)
            lane.begin(empty)
        return lane

    def _added(self, place: int, part: PartWire) -> None:
        prose = prose_of(part)
        if prose is not None and place not in self._parts:
            self._part(place, type(prose)("")).say(prose.text)

    def _ended(self, place: int, part: PartWire) -> None:
        prose = prose_of(part)
        if prose is None:
            return
        lane = self._part(place, type(prose)(""))
        if not lane.said:
            lane.say(prose.text, written(read_entries(part.logprobs)))
        for citation in getattr(prose, "citations", ()):
            lane.cite(citation)
        lane.close()


class LiveCall:
    """Pieces wait while the call has no name (where its beginning was left out, till its end), and while they are
    nothing but white space: Anthropic's client cannot read that as the beginning of JSON."""

    def __init__(self, lanes: Lanes, outside: Outside, item: ItemWire | None) -> None:
        self._outside = outside
        self._lane = lanes.add(self)
        self._waiting = ""
        if item is not None:
            self._begin(item)
            self._say(item.arguments or "")

    def take(self, event: EventWire) -> None:
        if event.type == "response.function_call_arguments.delta":
            self._say(event.delta)

    def done(self, item: ItemWire) -> None:
        if self._lane.part is None:
            self._begin(item)
        if not self._lane.said:
            self._say("" if self._waiting else item.arguments or "")
        self.end()

    def end(self) -> None:
        if self._lane.part is None:
            raise UpstreamMalformed("The provider's answer has a tool call without a name.")
        if not self._lane.said:
            self._lane.say(arguments_text(self._waiting))  # said to a closed lane, it is not heard
        self._lane.close()

    def _begin(self, item: ItemWire) -> None:
        self._lane.begin(call_of(item, self._outside))

    def _say(self, text: str) -> None:
        self._waiting += text
        if self._lane.part is not None and self._waiting.strip():
            self._lane.say(self._waiting)
            self._waiting = ""


class LiveThought:
    """A summary in pieces, or what an open model thought: the first that comes, if both come."""

    def __init__(self, lanes: Lanes) -> None:
        self._lane = lanes.add(self)
        self._type = ""
        self._place = 0

    def take(self, event: EventWire) -> None:
        if event.type == "response.reasoning_summary_text.delta":
            self._say(event, event.summary_index)
        elif event.type == "response.reasoning_text.delta":
            self._say(event, event.content_index)

    def done(self, item: ItemWire) -> None:
        told = thought_of_item(item)
        lane = self._lane
        if told is not None and lane.part is None:
            lane.begin(told if isinstance(told, RedactedThinking) else Thinking(""))
            lane.say(getattr(told, "text", ""))
        signed = told if isinstance(told, Thinking) else Thinking("")
        lane.close(signed.signature, signed.origin)

    def end(self) -> None:
        self._lane.close()

    def _say(self, event: EventWire, place: int) -> None:
        if not event.delta or self._type not in ("", event.type):
            return
        if self._lane.part is None:
            self._lane.begin(Thinking(""))
        elif place != self._place:
            self._lane.say("\n\n")
        self._type, self._place = event.type, place
        self._lane.say(event.delta)
