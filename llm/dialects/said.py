"""How much of an answer one event of a stream holds, in characters: text, thoughts, and the names and arguments of
calls. Each dialect has a reader of its own (`CallerSide.said`).

A reader gives None for an event that says nothing of the answer yet: a beginning, a ping. It never raises: what it
does not understand is an answer of 0 characters.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON

# Of what is built of texts, these are no words of the model.
_MARKS: Final = frozenset({"id", "type", "call_id", "role", "status", "signature", "data", "encrypted_content"})

_DEEPEST: Final = 8  # levels of lists and objects: no dialect has more around its texts

_decode: Final = msgspec.json.Decoder().decode


def object_of(data: bytes) -> dict[str, object] | None:
    """None for what is no JSON object."""
    try:
        value = _decode(data)
    except BAD_JSON:
        return None
    return value if isinstance(value, dict) else None


def objects(value: object) -> list[dict[str, object]]:
    """Those of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def characters(value: object, depth: int = _DEEPEST) -> int:
    """Of all texts in it, but for marks."""
    if isinstance(value, str):
        return len(value)
    if depth and isinstance(value, list):
        return sum(characters(inner, depth - 1) for inner in value)
    if depth and isinstance(value, dict):
        return sum(characters(inner, depth - 1) for name, inner in value.items() if name not in _MARKS)
    return 0
