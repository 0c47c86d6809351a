"""The hub's turns, written as the system text and the messages of a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from llm.dialects.anthropic_messages.words import HOME, Marks
from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import TURNS, Body
from llm.dialects.media import PLAIN_TEXT, text_of_document
from llm.dialects.neutral import (
    Audio,
    Document,
    Image,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from llm.errors import InvalidRequest

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRANGE_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")
_IN_FRONT: Final = ("system", "developer")


class ContentWriter:
    """`lost` gets the names of what is left out or changed; `marks` is shared with the tools of the request."""

    def __init__(self, lost: dict[str, None], marks: Marks) -> None:
        self._lost = lost
        self._marks = marks

    def system(self, turns: Sequence[Turn]) -> list[Body]:
        """All system and developer messages: they stand before the conversation, wherever they stood in it."""
        parts = [part for turn in turns if turn.role in _IN_FRONT for part in turn.parts]
        if not all(isinstance(part, Text) for part in parts):
            raise InvalidRequest(
                f"{TURNS}: a system message may only hold text with this model's provider.", param=TURNS
            )
        return [block for part in parts if (block := self._block(part)) is not None]

    def messages(self, turns: Sequence[Turn]) -> list[Body]:
        """Turns of the same role become one, and tool results come first in theirs: Anthropic wants all results of a
        turn's calls in the one message behind it."""
        messages: list[Body] = []
        for role, parts in self._merged(turns):
            parts.sort(key=lambda part: not isinstance(part, ToolResult))
            blocks = [block for part in parts if (block := self._block(part)) is not None]
            if blocks:
                messages.append({"role": role, "content": blocks})
        return messages

    def _merged(self, turns: Sequence[Turn]) -> list[tuple[str, list[Part]]]:
        merged: list[tuple[str, list[Part]]] = []
        for turn in turns:
            if turn.role in _IN_FRONT:
                if merged:
                    self._lost["messages.system_position"] = None
                continue
            if not merged or merged[-1][0] != turn.role:
                merged.append((turn.role, []))
            merged[-1][1].extend(turn.parts)
        return merged

    def _block(self, part: Part) -> Body | None:
        """None for what Anthropic refuses: blocks of empty text, and thinking that it did not sign."""
        match part:
            case Text():
                return self._text(part)
            case Refusal(text):
                return {"type": "text", "text": text} if text.strip() else None
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case Audio():
                raise InvalidRequest(f"{TURNS}: this model's provider cannot hear.", param=TURNS)
            case ToolCall():
                call: Body = {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": _input(part)}
                return self._marks.put(call, part.cache)
            case ToolResult():
                return self._tool_result(part)
            case Thinking() | RedactedThinking():
                return self._thinking(part)

    def _text(self, part: Text) -> Body | None:
        """The citations of earlier answers stay behind: Anthropic checks them against keys of its own."""
        if part.citations:
            self._lost["citations"] = None
        if part.text.strip():
            return self._marks.put({"type": "text", "text": part.text}, part.cache)
        if part.cache is not None:
            self._lost["cache_control"] = None
        return None

    def _image(self, image: Image) -> Body:
        if image.detail is not None:
            self._lost["detail"] = None
        source: Body = {"type": "base64", "media_type": image.media_type, "data": image.data}
        if image.url is not None:
            source = {"type": "url", "url": image.url}
        return self._marks.put({"type": "image", "source": source}, image.cache)

    def _document(self, document: Document) -> Body:
        block: Body = {"type": "document", "source": _source(document)}
        if document.title:
            block["title"] = document.title
        if document.cited:
            block["citations"] = {"enabled": True}
        return self._marks.put(block, document.cache)

    def _tool_result(self, result: ToolResult) -> Body:
        block: Body = {"type": "tool_result", "tool_use_id": _id(result.call_id)}
        content = [inner for part in result.parts if (inner := self._block(part)) is not None]
        if content:
            block["content"] = content
        if result.is_error:
            block["is_error"] = True
        return self._marks.put(block, result.cache)

    def _thinking(self, part: Thinking | RedactedThinking) -> Body | None:
        signed = isinstance(part, RedactedThinking) or bool(part.signature)
        if not signed:
            self._lost["thinking"] = None
            return None
        if part.origin not in (None, HOME):
            self._lost["thinking"] = None
            return None
        if isinstance(part, RedactedThinking):
            return {"type": "redacted_thinking", "data": part.data}
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _source(document: Document) -> Body:
    """Anthropic reads PDFs by their address or from the body, and plain text from the body."""
    if document.media_type == PLAIN_TEXT:
        text = text_of_document(document)
        if text is None:
            raise InvalidRequest(
                f"{TURNS}: a text document must be inside the body, as base64, with this model's provider.", param=TURNS
            )
        return {"type": "text", "media_type": PLAIN_TEXT, "data": text}
    if document.url is not None:
        return {"type": "url", "url": document.url}
    return {"type": "base64", "media_type": document.media_type, "data": document.data}


def _id(call_id: str) -> str:
    """Anthropic's ids are letters, digits, _ and -; other providers' ids have more. Alike for a call and its result."""
    return _STRANGE_IN_ID.sub(lambda found: f"_{ord(found[0]):x}", call_id)


def _input(call: ToolCall) -> msgspec.Raw:
    try:
        _OBJECT.decode(call.arguments)
    except BAD_JSON as error:
        raise InvalidRequest(f"{TURNS}: a tool call has arguments that are no JSON object.", param=TURNS) from error
    return msgspec.Raw(call.arguments.encode())
