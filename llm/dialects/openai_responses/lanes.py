"""Blocks of a stream put in order.

The events of a responses stream name their item and part by indexes, and nothing forbids that items interleave; the
hub has one open block at a time. So the first block that is not closed is live, and the later ones wait until it is.
"""

from __future__ import annotations

from collections import deque

import msgspec

from llm.dialects.neutral import BlockEnd, BlockStart, Citation, Cited, Delta, Part, StreamEvent, Text
from llm.dialects.openai_responses.sources import moved
from llm.spec import Dialect


class Lane:
    """One block under way; nothing is said in it once it is closed.

    `item` is the item that it belongs to, `cited` are the sources that it has named. `said`: was anything said in it?
    """

    __slots__ = ("cited", "closed", "events", "item", "part", "said")

    def __init__(self, item: object) -> None:
        self.item = item
        self.events: list[StreamEvent] = []
        self.part: Part | None = None
        self.closed = False
        self.said = False
        self.cited: set[Citation] = set()

    def begin(self, part: Part) -> None:
        self.part = part
        self.events.append(BlockStart(0, part))  # type: ignore[arg-type]  # reason: only parts of answers are begun

    def say(self, text: str, logprobs: msgspec.Raw | None = None) -> None:
        if text and not self.closed:
            self.said = True
            self.events.append(Delta(text, logprobs))

    def cite(self, citation: Citation) -> None:
        if citation not in self.cited and not self.closed:
            self.cited.add(citation)
            self.events.append(Cited(citation))

    def close(self, signature: str | None = None, origin: Dialect | None = None) -> None:
        if not self.closed and self.part is not None:
            self.events.append(BlockEnd(signature, origin))
        self.closed = True


class Lanes:
    """`parts` are the blocks that were given so far, each without its text: what the finish reason is settled by."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._lanes: deque[Lane] = deque()
        self._message: object = None
        self._before = 0
        self._length = 0

    def add(self, item: object) -> Lane:
        lane = Lane(item)
        self._lanes.append(lane)
        return lane

    def take(self) -> list[StreamEvent]:
        """What can be given by now."""
        given: list[StreamEvent] = []
        while self._lanes:
            lane = self._lanes[0]
            if lane.events:
                given += [self._placed(event, lane) for event in lane.events]
                lane.events = []
            if not lane.closed:
                break
            self._lanes.popleft()
        return given

    def _placed(self, event: StreamEvent, lane: Lane) -> StreamEvent:
        """Counted as the hub counts: blocks over the answer, characters over its text."""
        if isinstance(event, Delta):
            if isinstance(lane.part, Text):
                self._length += len(event.text)
            return event
        if isinstance(event, BlockStart):
            if lane.item is not self._message:
                self._message, self._before = lane.item, self._length
            self.parts.append(event.part)
            return BlockStart(len(self.parts) - 1, event.part)
        return Cited(moved(event.citation, self._before)) if isinstance(event, Cited) else event
