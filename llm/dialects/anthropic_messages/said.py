"""How much of the answer an event of messages holds (see `llm.dialects.said`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.dialects.said import characters, object_of

_SAY: Final = frozenset({"message_delta", "message_stop", "error"})


def said(data: bytes) -> int | None:
    """A block that is no text counts where it begins: much thinking is done in silence. An event of a type that is not
    known says nothing."""
    event = object_of(data)
    if event is None:
        return 0
    kind = event.get("type")
    if kind == "content_block_delta":
        return _in_delta(event.get("delta"))
    if kind == "content_block_start":
        block = event.get("content_block")
        count = characters(block)
        is_text = isinstance(block, Mapping) and block.get("type") == "text"
        return None if is_text and not count else count
    return 0 if kind in _SAY else None


def _in_delta(delta: object) -> int | None:
    if not isinstance(delta, Mapping) or delta.get("type") == "citations_delta":
        return 0
    count = characters(delta)
    return None if not count and delta.get("type") == "text_delta" else count
