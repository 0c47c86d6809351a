"""How much of the answer an event of generateContent holds (see `llm.dialects.said`)."""

from __future__ import annotations

import msgspec

from llm.dialects.said import characters, object_of, objects


def said(data: bytes) -> int | None:
    """None for an event that has no part that says anything, and ends nothing."""
    event = object_of(data)
    if event is None:
        return 0
    count, begun = 0, _blocked(event.get("promptFeedback"))
    for candidate in objects(event.get("candidates")):
        content = candidate.get("content")
        for part in objects(content.get("parts") if isinstance(content, dict) else None):
            count += characters(part.get("text")) + _in_call(part.get("functionCall"))
            begun = begun or any(value for name, value in part.items() if name != "thought")
        begun = begun or bool(candidate.get("finishReason"))
    return count if begun else None


def _in_call(call: object) -> int:
    if not isinstance(call, dict):
        return 0
    return characters(call.get("name")) + len(msgspec.json.encode(call.get("args") or {}).decode())


def _blocked(feedback: object) -> bool:
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))
