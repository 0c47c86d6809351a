"""Marks that end a prefix which the provider is to cache: `cache_control` {type: ephemeral, ttl: 5m or 1h}, Anthropic's
word that callers of chat completions say too (https://openrouter.ai/docs/features/prompt-caching)."""

from __future__ import annotations

from typing import Final

from llm.dialects.fields import OBJECT, TEXT, Fields
from llm.dialects.neutral import CacheMark, Conversation, Document, Image, Text, ToolCall, ToolResult

_MARKS: Final[dict[str, CacheMark]] = {"5m": "5m", "1h": "1h"}


def take_mark(fields: Fields) -> CacheMark | None:
    """Of a content part or a tool, as a caller wrote it."""
    given = fields.take("cache_control", OBJECT)
    if given is None:
        return None
    control = fields.inner("cache_control", given)
    if control.need("type", TEXT) != "ephemeral":
        raise control.wrong("type", "may only be ephemeral")
    mark = _MARKS.get(control.take("ttl", TEXT) or "5m")
    if mark is None:
        raise control.wrong("ttl", "is none of 5m, 1h")
    control.close()
    return mark


def has_marks(conversation: Conversation) -> bool:
    parts = [part for turn in conversation.turns for part in turn.parts]
    inside = [part for result in parts if isinstance(result, ToolResult) for part in result.parts]
    marked = [part for part in (*parts, *inside) if isinstance(part, Text | Image | Document | ToolCall | ToolResult)]
    return any(one.cache is not None for one in (*marked, *conversation.tools))
