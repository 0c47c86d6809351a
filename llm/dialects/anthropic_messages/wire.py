"""Anthropic messages as JSON: only what the gateway looks at, leniently.

Source: the anthropic SDK's types (2.12) and WIRE.md.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from llm.dialects.counts import counted
from llm.dialects.fields import BAD_JSON
from llm.spec import FinishReason, Usage

NOTHING: Final = msgspec.Raw(b"null")


class OutputDetailsWire(msgspec.Struct, gc=False):
    thinking_tokens: int | None = None


class UsageWire(msgspec.Struct):
    """`input_tokens` is what was neither read from the cache nor written to it."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetailsWire | None = None


class BlockWire(msgspec.Struct):
    """A content block of an answer, of any type."""

    type: str
    text: str | None = None
    citations: msgspec.Raw = NOTHING
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = NOTHING


class MessageWire(msgspec.Struct):
    content: list[msgspec.Raw] | None = None
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: msgspec.Raw = NOTHING
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class MessageGlance(msgspec.Struct):
    """As little of a whole answer as a relay needs."""

    type: str = ""
    content: msgspec.Raw = NOTHING
    stop_reason: str | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class DeltaWire(msgspec.Struct):
    """Of content_block_delta (`type` and one of the texts) or of message_delta (the rest)."""

    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    citation: msgspec.Raw = NOTHING
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: msgspec.Raw = NOTHING


class EventWire(msgspec.Struct):
    type: str
    index: int = 0
    message: MessageWire | None = None
    content_block: BlockWire | None = None
    delta: DeltaWire | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class _StopDetailsWire(msgspec.Struct, gc=False):
    explanation: str | None = None


class StopGlance(msgspec.Struct, gc=False):
    stop_reason: str | None = None


class UsageGlance(msgspec.Struct):
    usage: msgspec.Raw = NOTHING


class EventGlance(msgspec.Struct):
    """As little of an event as a relay needs."""

    type: str
    message: UsageGlance | None = None
    delta: StopGlance | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class PlainDelta(msgspec.Struct, gc=False):
    text: str | None = None
    stop_reason: None = None


class PlainEvent(msgspec.Struct, gc=False):
    """A piece of a block: whatever tells more is none."""

    type: Literal["content_block_delta"]
    delta: PlainDelta
    message: None = None
    usage: None = None
    error: None = None


_USAGE: Final = msgspec.json.Decoder(UsageWire)
_STOP_DETAILS: Final = msgspec.json.Decoder(_StopDetailsWire)

_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
}


def absent(raw: msgspec.Raw) -> bool:
    return raw is NOTHING or bytes(raw) == b"null"


def finish_reason(word: str | None) -> FinishReason:
    return _REASONS.get(word or "", "unknown")


def stop_reason(reason: FinishReason, stop_sequence: str | None) -> str:
    if reason == "stop" and stop_sequence is not None:
        return "stop_sequence"
    return _WORDS.get(reason, "end_turn")


def explanation(word: str | None, stop_details: msgspec.Raw) -> str:
    """Why the provider refused, in its words beside the answer; "" where it does not say."""
    if word != "refusal" or absent(stop_details):
        return ""
    try:
        return _STOP_DETAILS.decode(stop_details).explanation or ""
    except BAD_JSON:
        return ""


class UsageCount:
    """The usage of one answer, told in pieces: every piece is cumulative and may leave fields out."""

    __slots__ = ("_created", "_fresh", "_output", "_read", "_thinking")

    def __init__(self) -> None:
        self._fresh = self._created = self._read = self._output = self._thinking = 0

    def add(self, raw: msgspec.Raw) -> Usage | None:
        """The usage so far; None where the piece says nothing that can be read. A count never falls: some servers
        repeat fields as 0."""
        if absent(raw):
            return None
        try:
            wire = _USAGE.decode(raw)
        except BAD_JSON:
            return None
        self._fresh = max(self._fresh, counted(wire.input_tokens))
        self._created = max(self._created, counted(wire.cache_creation_input_tokens))
        self._read = max(self._read, counted(wire.cache_read_input_tokens))
        self._output = max(self._output, counted(wire.output_tokens))
        if wire.output_tokens_details is not None:
            self._thinking = max(self._thinking, counted(wire.output_tokens_details.thinking_tokens))
        return Usage(
            input_tokens=self._fresh + self._created + self._read,
            output_tokens=self._output,
            cached_tokens=self._read,
            cache_write_tokens=self._created,
            reasoning_tokens=min(self._thinking, self._output),
        )


def read_usage(raw: msgspec.Raw) -> Usage:
    return UsageCount().add(raw) or Usage()


def write_usage(usage: Usage) -> dict[str, object]:
    written: dict[str, object] = {
        "input_tokens": max(usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens, 0),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return written


def message_id(provider_id: str, new_id: str) -> str:
    """An id of Anthropic's form that still tells the provider's own."""
    return "msg_" + (provider_id.removeprefix("chatcmpl-").removeprefix("msg_") or new_id)
