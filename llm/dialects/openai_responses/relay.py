"""A responses stream on its way to a caller of the same dialect: every event as it came.

The hot path: microseconds per event count here. Only the last event is looked into.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Relay
from llm.dialects.openai_responses import wire
from llm.dialects.openai_responses.error import read_error
from llm.dialects.sse import Frame
from llm.errors import UpstreamError, UpstreamFailed, UpstreamMalformed
from llm.spec import FinishReason, StreamSummary

DONE: Final = b"[DONE]"
ENDS: Final = frozenset({"response.completed", "response.incomplete"})
_decode: Final = msgspec.json.Decoder(wire.EventGlance).decode
_RESPONSE_EVENT: Final = msgspec.json.Decoder(wire.ResponseEventWire)
_ITEM: Final = msgspec.json.Decoder(wire.ItemWire)


def refuse_failure(event: wire.EventGlance | wire.EventWire, frame: Frame, summary: StreamSummary) -> None:
    """Raises what an event says that is an error: `error`, `response.failed`, or one without a type."""
    kind = event.type or frame.event
    if kind == "error" or (not event.type and not wire.absent(event.error)):
        raise read_error(frame.data)
    if kind == "response.failed":
        response = response_of(frame.data)
        summary.usage = wire.read_usage(response.usage) or summary.usage
        raise failure(response)


def failure(response: wire.ResponseWire) -> UpstreamError:
    """Of a response that failed, or was cancelled."""
    if wire.absent(response.error):
        return UpstreamFailed("The provider broke its answer off.")
    return read_error(response.error)


def response_of(data: bytes) -> wire.ResponseWire:
    try:
        return _RESPONSE_EVENT.decode(data).response
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's stream holds a malformed event.") from error


def settled(reason: FinishReason, output: Iterable[msgspec.Raw]) -> FinishReason:
    """The finish reason that goes with the items: "completed" says nothing of calls and refusals."""
    if reason != "stop":
        return reason
    refused = False
    for item in output:
        kind = wire.type_of(item)
        if kind in wire.CALLS:
            return "tool_calls"
        refused = refused or (kind == "message" and _refuses(item))
    return "refusal" if refused else "stop"


def _refuses(message: msgspec.Raw) -> bool:
    try:
        return any(wire.type_of(part) == "refusal" for part in _ITEM.decode(message).content or ())
    except BAD_JSON:
        return False


class ResponsesRelay(Relay):
    """Callers of responses always get the usage, so `include_usage` changes nothing."""

    __slots__ = ("_summary", "complete")

    def __init__(self, summary: StreamSummary, include_usage: bool) -> None:
        self.complete = False
        self._summary = summary

    def frame(self, frame: Frame) -> bytes:
        data = frame.data
        if not data:
            return frame.raw
        try:
            event = _decode(data)
        except BAD_JSON as error:
            if data.startswith(DONE):
                return self.owed()
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        if event.type in ENDS:
            self._finish(response_of(data), event.type)
        else:
            refuse_failure(event, frame, self._summary)
        return frame.raw

    def _finish(self, response: wire.ResponseWire, kind: str) -> None:
        summary = self._summary
        summary.usage = wire.read_usage(response.usage) or summary.usage
        reason = wire.finish_reason(response, incomplete=kind == "response.incomplete")
        summary.finish_reason = settled(reason, response.output or ())
        summary.finished = self.complete = True

    def owed(self) -> bytes:
        if not self._summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return b""
