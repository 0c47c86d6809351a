"""A generateContent stream, read into the hub's stream."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.gemini import wire
from llm.dialects.gemini.blocks import Blocks
from llm.dialects.gemini.error import read_error, refuse_bare_error
from llm.dialects.grammar import Outside
from llm.dialects.neutral import Finished, Started, StreamEvent, settled_reason
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason, StreamSummary

_decode: Final = msgspec.json.Decoder(wire.ResponseWire).decode


class GeminiReader:
    """Reads candidate 0 (candidateCount > 1 never comes here). Nothing but the end of the bytes ends a stream, so it
    is never `complete` before: some models said STOP in every event."""

    def __init__(self, summary: StreamSummary, outside: Outside) -> None:
        self.complete = False
        self._summary = summary
        self._count = wire.UsageCount()
        self._blocks = Blocks(outside)
        self._started = False
        self._reason: FinishReason = "unknown"

    def read(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data:
            refuse_bare_error(frame.raw)
            return []
        try:
            response = _decode(frame.data)
        except BAD_JSON as error:
            refuse_bare_error(frame.data)
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        if not wire.absent(response.error):
            raise read_error(frame.data)
        usage = self._count.add(response.usage_metadata)
        if usage is not None:
            self._summary.usage = usage
        events = self._start(response)
        for candidate in response.candidates or ():
            if not candidate.index:
                events += self._candidate(candidate)
        if not response.candidates and wire.blocked(response.prompt_feedback):
            self._finish("content_filter")
        return events

    def end(self) -> list[StreamEvent]:
        summary = self._summary
        if not summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return [*self._blocks.end(), Finished(summary.finish_reason, summary.usage)]

    def _start(self, response: wire.ResponseWire) -> list[StreamEvent]:
        if self._started or not (response.candidates or wire.blocked(response.prompt_feedback)):
            return []
        self._started = True
        return [Started(response.response_id or "", response.model_version or "", self._summary.usage)]

    def _candidate(self, candidate: wire.CandidateWire) -> list[StreamEvent]:
        events = self._blocks.take(candidate)
        if wire.ended(candidate.finish_reason):
            self._finish(wire.finish_reason(candidate.finish_reason))
        elif self._summary.finished:
            self._finish(self._reason)  # more came behind the reason: a call, perhaps
        return events

    def _finish(self, reason: FinishReason) -> None:
        self._reason = reason
        self._summary.finish_reason = settled_reason(reason, self._blocks.parts)
        self._summary.finished = True
