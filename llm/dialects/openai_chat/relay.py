"""A chat completions stream on its way to a caller of the same dialect: every event as it came.

The hot path: microseconds per chunk count here.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.openai_chat import wire
from llm.dialects.openai_chat.error import read_error, refuse_bare_error
from llm.dialects.openai_chat.result import refuse_error_reason
from llm.dialects.signatures import MARKED
from llm.dialects.sse import Frame, data_event, only_line
from llm.errors import UpstreamMalformed
from llm.spec import StreamSummary

DONE: Final = b"[DONE]"
_decode: Final = msgspec.json.Decoder(wire.ChunkGlance).decode
_plain: Final = msgspec.json.Decoder(wire.PlainChunk).decode


class ChatRelay:
    """`include_usage`: did the caller ask for the usage chunk? It is asked for upstream in any case."""

    __slots__ = ("_done", "_ended", "_include_usage", "_running", "_summary", "complete", "said")

    def __init__(self, summary: StreamSummary, include_usage: bool) -> None:
        self.complete = False
        self.said = 0
        self._summary = summary
        self._include_usage = include_usage
        self._done = False
        self._running: set[int] = set()
        self._ended: set[int] = set()

    def plain(self, data: bytes) -> bool:
        end = only_line(data)
        if not end or data.find(MARKED) >= 0:
            return False
        try:
            choice = _plain(data[6:end]).choices[0]
        except BAD_JSON:
            return False
        if choice.index not in self._running or choice.index in self._ended:
            return False
        if choice.delta.content:
            self.said += 1
        return True

    def frame(self, frame: Frame) -> bytes:
        data = frame.data
        if not data:
            return frame.raw  # a comment: it keeps the caller's connection warm too
        if data.startswith(DONE):
            return self._end(frame)
        try:
            chunk = _decode(data)
        except BAD_JSON as error:
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        if chunk.error is not wire.NOTHING and not wire.absent(chunk.error):
            raise read_error(chunk.error)
        if chunk.choices is None:
            refuse_bare_error(data)
        if chunk.choices:
            self._note(chunk.choices)
        if chunk.usage is not wire.NOTHING and not wire.absent(chunk.usage):
            return self._usage(chunk, frame)
        return frame.raw

    def _note(self, choices: list[wire.ChoiceGlance]) -> None:
        for choice in choices:
            if choice.finish_reason:
                refuse_error_reason(choice.finish_reason)
                self._ended.add(choice.index)
                self._summary.finish_reason = wire.finish_reason(choice.finish_reason)
                self._summary.finished = self._running <= self._ended
            elif choice.index not in self._running and choice.index not in self._ended:
                self._running.add(choice.index)
                self._summary.finished = False

    def _usage(self, chunk: wire.ChunkGlance, frame: Frame) -> bytes:
        usage = wire.read_usage(chunk.usage)
        if usage is not None:
            self._summary.usage = usage
        if chunk.choices:
            return frame.raw
        # Nothing but [DONE] comes behind the usage chunk; some servers leave it out and keep the connection.
        self.complete = self._summary.finished
        return frame.raw if self._include_usage else b""

    def _end(self, frame: Frame) -> bytes:
        if not self._summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        self._done = self.complete = True
        return frame.raw

    def owed(self) -> bytes:
        if not self._summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return b"" if self._done else data_event(DONE)
