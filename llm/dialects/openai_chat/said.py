"""How much of the answer a chunk of chat completions or of the older completions holds (see `llm.dialects.said`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.dialects.said import characters, object_of, objects

_WORDS: Final = ("content", "refusal", "tool_calls", "function_call")
_THOUGHTS: Final = ("reasoning_content", "reasoning")  # some servers say the same in both


def said(data: bytes) -> int | None:
    """None for a chunk of the role alone, and for one without choices. A choice of the older ones has a `text`."""
    chunk = object_of(data)
    if chunk is None:
        return 0
    count, begun = 0, False
    for choice in objects(chunk.get("choices")):
        delta = choice.get("delta")
        if isinstance(delta, dict):
            count += _in_delta(delta)
            begun = begun or any(value for name, value in delta.items() if name != "role")
        text = choice.get("text")
        count += characters(text)
        begun = begun or bool(text or choice.get("finish_reason"))
    return count if begun else None


def _in_delta(delta: Mapping[str, object]) -> int:
    thoughts = next((value for name in _THOUGHTS if (value := delta.get(name))), None)
    return sum(characters(delta.get(name)) for name in _WORDS) + characters(thoughts)
