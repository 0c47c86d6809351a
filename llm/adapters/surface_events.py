"""Watches the events of a relayed stream: what they count, and whether one is an error. It changes nothing."""

from __future__ import annotations

from typing import Final

from llm.adapters import surface_usage
from llm.dialects.fields import BAD_JSON
from llm.dialects.sse import Frame, SseDecoder
from llm.errors import UpstreamError, UpstreamMalformed
from llm.spec import Dialect, StreamSummary, Target

# The last event of an answer: what comes after it is no more than the end of the transfer. A stream of pictures may
# complete several.
_LAST: Final = frozenset({b'"transcript.text.done"', b'"speech.audio.done"'})


class EventWatch:
    """Feed it all bytes, cut anywhere, and call `end` at the end of them. It keeps `summary`; `error` is what an event
    told, if one did. A stream that is no text, or has an event past all bounds, is watched no further."""

    def __init__(self, summary: StreamSummary, dialect: Dialect, target: Target) -> None:
        self.error: UpstreamError | None = None
        self._summary = summary
        self._dialect = dialect
        self._target = target
        self._decoder: SseDecoder | None = SseDecoder()

    def feed(self, piece: bytes) -> None:
        if self._decoder is None:
            return
        try:
            for frame in self._decoder.feed(piece):
                self._look(frame)
        except UpstreamMalformed:
            self._decoder = None

    def end(self) -> None:
        if self._decoder is None:
            return
        try:
            for frame in self._decoder.flush():
                self._look(frame)
        except UpstreamMalformed:
            self._decoder = None

    def _look(self, frame: Frame) -> None:
        named = frame.event == "error"
        if not named and b'"usage"' not in frame.data and b'"error"' not in frame.data:
            return
        try:
            seen = surface_usage.glance(frame.data)
        except BAD_JSON:
            seen = surface_usage.Glance()
        if named or seen.failed:
            self.error = self.error or surface_usage.error_of(frame.data, self._dialect, self._target)
        elif (counted := surface_usage.usage(seen.usage)) is not None:
            self._summary.usage = counted
            self._summary.finished = bytes(seen.type) in _LAST
