"""Events and blocks of a provider, decoded. What has a type that the gateway does not know may have any form: it is
skipped, never fatal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from llm.dialects.anthropic_messages import wire
from llm.dialects.fields import BAD_JSON
from llm.errors import UpstreamMalformed

T = TypeVar("T")

_EVENTS: Final = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
    }
)
_BLOCKS: Final = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_DELTAS: Final = frozenset({"text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"})


class _Shape(msgspec.Struct):
    """The types alone."""

    type: str
    content_block: msgspec.Raw = wire.NOTHING
    delta: msgspec.Raw = wire.NOTHING


_event: Final = msgspec.json.Decoder(wire.EventWire).decode
_glance: Final = msgspec.json.Decoder(wire.EventGlance).decode
_block: Final = msgspec.json.Decoder(wire.BlockWire).decode
_shape: Final = msgspec.json.Decoder(_Shape).decode


def read_event(data: bytes) -> wire.EventWire:
    try:
        return _event(data)
    except BAD_JSON as error:
        skipped = _skipped(data)
        if skipped is None:
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        return skipped


def glance_at_event(data: bytes) -> wire.EventGlance:
    """As little of it as a relay needs."""
    try:
        return _glance(data)
    except BAD_JSON as error:
        kind = _kind(data)
        if kind is None or kind in _EVENTS:
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        return wire.EventGlance(kind)


def read_block(raw: msgspec.Raw) -> wire.BlockWire:
    """A block of a whole answer."""
    try:
        return _block(raw)
    except BAD_JSON as error:
        kind = _kind(raw)
        if kind is None or kind in _BLOCKS:
            raise UpstreamMalformed("The provider's answer is no message.") from error
        return wire.BlockWire(kind)


def _kind(data: bytes | msgspec.Raw) -> str | None:
    """None where there is none, or no JSON at all."""
    return _lenient(lambda: _shape(data).type)


def _skipped(data: bytes) -> wire.EventWire | None:
    """The event of an unknown type, or with a block or delta of one, without its contents; None for another."""
    shape = _lenient(lambda: _shape(data))
    if shape is None:
        return None
    if shape.type not in _EVENTS:
        return wire.EventWire(shape.type)
    block, delta = _kind(shape.content_block), _kind(shape.delta)
    if shape.type == "content_block_start" and block is not None and block not in _BLOCKS:
        return wire.EventWire(shape.type, content_block=wire.BlockWire(block))
    if shape.type == "content_block_delta" and delta is not None and delta not in _DELTAS:
        return wire.EventWire(shape.type, delta=wire.DeltaWire(delta))
    return None


def _lenient(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except BAD_JSON:
        return None
