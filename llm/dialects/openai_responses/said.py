"""How much of the answer an event of responses holds (see `llm.dialects.said`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.dialects.said import characters, object_of

# The answer, a message or a part of one begins, or the connection is kept.
_BEGINS: Final = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "keepalive",
        "ping",
    }
)
_ADDED: Final = "response.output_item.added"
_NO_TEXT: Final = frozenset({"response.audio.delta"})


def said(data: bytes) -> int | None:
    """An item that is no message counts where it begins: much thinking is done in silence, and so is a search."""
    event = object_of(data)
    if event is None:
        return 0
    kind = event.get("type")
    if kind in _BEGINS:
        return None
    if kind == _ADDED:
        return _in_item(event.get("item"))
    delta = event.get("delta")
    if delta == "":
        return None
    return characters(delta) if kind not in _NO_TEXT else 0


def _in_item(item: object) -> int | None:
    if not isinstance(item, Mapping) or item.get("type") != "message":
        return characters(item.get("name")) if isinstance(item, Mapping) else 0
    return characters(item.get("content")) or None
