"""The hub's turns, written as the contents of a generateContent request."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from llm.dialects.fields import BAD_JSON, OBJECT
from llm.dialects.gemini.media import write_media
from llm.dialects.gemini.signature import HOME
from llm.dialects.grammar import TURNS, Body
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


def write_system(turns: Sequence[Turn]) -> Body | None:
    """All system and developer messages: they stand before the conversation, wherever they stood in it."""
    parts = [part for turn in turns if turn.role in ("system", "developer") for part in turn.parts]
    texts = [{"text": part.text} for part in parts if isinstance(part, Text) and part.text]
    return {"parts": texts} if texts else None


def write_contents(turns: Sequence[Turn], lost: dict[str, None]) -> list[Body]:
    """Turns of the same role become one: Gemini wants all results of a turn's calls in the one content behind it."""
    merged: list[tuple[str, list[Part]]] = []
    for turn in turns:
        if turn.role in ("system", "developer"):
            if merged:
                lost["messages.system_position"] = None
            continue
        if not merged or merged[-1][0] != turn.role:
            merged.append((turn.role, []))
        merged[-1][1].extend(turn.parts)
    names = {part.id: part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall)}
    contents: list[Body] = []
    for role, parts in merged:
        written = _model_parts(parts, lost) if role == "assistant" else _user_parts(parts, names, lost)
        if written:
            contents.append({"role": "model" if role == "assistant" else "user", "parts": written})
    return contents


def _user_parts(parts: Sequence[Part], names: dict[str, str], lost: dict[str, None]) -> list[Body]:
    """Results come first, then what of them is no text (a result is JSON), then the rest."""
    results = [part for part in parts if isinstance(part, ToolResult)]
    written = [_result(result, names) for result in results]
    for result in results:
        media = [part for part in result.parts if not isinstance(part, Text)]
        if media:
            written.append({"text": f"Files of the tool result {result.call_id}:"})
            written += [_plain(part, lost) for part in media]
    rest = [part for part in parts if isinstance(part, Text | Image | Document | Audio)]
    return written + [_plain(part, lost) for part in rest if not (isinstance(part, Text) and not part.text)]


def _plain(part: Text | Image | Document | Audio, lost: dict[str, None]) -> Body:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Image) and part.detail is not None:
        lost["detail"] = None
    if isinstance(part, Document) and part.cited:
        lost["citations"] = None
    if isinstance(part, Document) and part.title:
        lost["title"] = None  # `displayName` is for Vertex AI only
    return write_media(part)


def _result(result: ToolResult, names: dict[str, str]) -> Body:
    name = names.get(result.call_id)
    if name is None:
        raise InvalidRequest(f"{TURNS}: a tool result answers no tool call of the conversation.", param=TURNS)
    text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    response = {"error" if result.is_error else "result": text}
    return {"functionResponse": {"id": result.call_id, "name": name, "response": response}}


def _model_parts(parts: Sequence[Part], lost: dict[str, None]) -> list[Body]:
    """Signatures go where Gemini gave them: onto the part behind.

    Dialects that keep thinking apart from calls bring the signature of a call back before the text between: so a text
    leaves a signature to a call that comes without any. (https://ai.google.dev/gemini-api/docs/thought-signatures:
    Gemini 3 refuses a turn whose first call has lost its signature, and checks no other part's.)
    """
    written: list[Body] = []
    waiting: deque[str] = deque()
    for part, call_waits in zip(parts, _call_waits(parts), strict=True):
        match part:
            case Thinking(text, str(signature)) if _is_signed(part):
                written += _thought(text, signature, waiting, call_waits)
            case RedactedThinking(signature) if _is_signed(part):
                waiting.append(signature)
            case Thinking() | RedactedThinking():
                lost["thinking"] = None
            case Text(text) | Refusal(text):
                if isinstance(part, Text) and part.citations:
                    lost["citations"] = None  # Gemini's stand beside an answer, and nowhere in a request
                if text:
                    signed = waiting.popleft() if len(waiting) > call_waits else None
                    written.append(_signed({"text": text}, signed))
            case ToolCall():
                written.append(_signed({"functionCall": _call(part)}, waiting.popleft() if waiting else None))
            case _:
                pass  # a model's turn has no media in any dialect that is read
    return written + [_signed({"text": ""}, signature) for signature in waiting]


def _call_waits(parts: Sequence[Part]) -> list[bool]:
    """For each part: does a call come behind it, before the next signature?"""
    waits = [False] * len(parts)
    for place in range(len(parts) - 1, 0, -1):
        part = parts[place]
        waits[place - 1] = isinstance(part, ToolCall) or (waits[place] and not _is_signed(part))
    return waits


def _is_signed(part: Part) -> bool:
    """By Gemini. Dialects that have no word for a signature alone bring it back as thinking that cannot be read."""
    if isinstance(part, RedactedThinking):
        return part.origin == HOME
    return isinstance(part, Thinking) and part.origin == HOME and bool(part.signature)


def _thought(text: str, signature: str, waiting: deque[str], call_waits: bool) -> list[Body]:
    """A signed thought stays one, but where a call would go unsigned."""
    if text and not call_waits:
        return [_signed({"text": text, "thought": True}, signature)]
    waiting.append(signature)
    return [{"text": text, "thought": True}] if text else []


def _signed(part: Body, signature: str | None) -> Body:
    return part if signature is None else {**part, "thoughtSignature": signature}


def _call(call: ToolCall) -> Body:
    try:
        OBJECT.decode(call.arguments)
    except BAD_JSON as error:
        raise InvalidRequest(f"{TURNS}: a tool call has arguments that are no JSON object.", param=TURNS) from error
    return {"id": call.id, "name": call.name, "args": msgspec.Raw(call.arguments.encode())}
