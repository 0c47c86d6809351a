"""A generateContent stream on its way to a caller of the same dialect: every event as it came.

The hot path: microseconds per event count here.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.gemini import wire
from llm.dialects.gemini.error import read_error, refuse_bare_error
from llm.dialects.grammar import Relay
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason, StreamSummary

_decode: Final = msgspec.json.Decoder(wire.ResponseGlance).decode
_CALL: Final = re.compile(rb'"functionCall"\s*:')


def has_call(data: bytes) -> bool:
    """Does the JSON hold a function call? (A name inside a text has a backslash before its last quote.)"""
    return data.find(b'"functionCall"') >= 0 and _CALL.search(data) is not None


def settled(reason: FinishReason, called: bool) -> FinishReason:
    """Gemini says STOP, too, where it wants a function called."""
    return "tool_calls" if called and reason == "stop" else reason


class GeminiRelay(Relay):
    """Nothing but the end of the bytes ends a stream, so it is never `complete` before. Gemini's callers always get
    the usage, so `include_usage` changes nothing."""

    __slots__ = ("_called", "_count", "_ended", "_running", "_summary", "complete")

    def __init__(self, summary: StreamSummary, include_usage: bool) -> None:
        self.complete = False
        self._summary = summary
        self._count = wire.UsageCount()
        self._called = False
        self._running: set[int] = set()
        self._ended: set[int] = set()

    def frame(self, frame: Frame) -> bytes:
        data = frame.data
        if not data:
            refuse_bare_error(frame.raw)
            return frame.raw
        try:
            event = _decode(data)
        except BAD_JSON as error:
            refuse_bare_error(data)
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        if not wire.absent(event.error):
            raise read_error(data)
        self._called = self._called or has_call(data)
        for candidate in event.candidates or ():
            self._note(candidate)
        if not event.candidates and wire.blocked(event.prompt_feedback):
            self._summary.finish_reason = "content_filter"
            self._summary.finished = True
        usage = self._count.add(event.usage_metadata)
        if usage is not None:
            self._summary.usage = usage
        return frame.raw

    def _note(self, candidate: wire.CandidateGlance) -> None:
        index = candidate.index or 0
        self._running.add(index)
        if wire.ended(candidate.finish_reason):
            self._summary.finish_reason = settled(wire.finish_reason(candidate.finish_reason), self._called)
            self._ended.add(index)
        self._summary.finished = self._running == self._ended

    def owed(self) -> bytes:
        if not self._summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return b""
