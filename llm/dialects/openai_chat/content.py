"""The content of an answer: a text, or the parts that some compatible servers send (Mistral's, where the model thinks:
`thinking` {thinking: [{type: text, text}]} and `text` {text}; https://docs.mistral.ai/capabilities/reasoning/)."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON


class InnerWire(msgspec.Struct, gc=False):
    text: str = ""


class ContentPartWire(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str | list[InnerWire] = ""


_PART: Final = msgspec.json.Decoder(ContentPartWire)


def thought_and_text(parts: list[msgspec.Raw]) -> tuple[str, str]:
    """Parts of other types, and those that cannot be read, are skipped."""
    thought, text = "", ""
    for raw in parts:
        try:
            part = _PART.decode(raw)
        except BAD_JSON:
            continue
        if part.type == "text":
            text += part.text
        elif part.type == "thinking":
            inner = part.thinking
            thought += inner if isinstance(inner, str) else "".join(piece.text for piece in inner)
    return thought, text
