"""The hub's turns, written as the input of a responses request."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from llm.dialects.grammar import TURNS, Body
from llm.dialects.media import data_url, filename_of, format_of_audio, text_of_document, titled, url_of_image
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
from llm.dialects.openai_responses.signature import HOME, to_provider
from llm.dialects.openai_responses.sources import write_one
from llm.errors import InvalidRequest


def write_input(turns: Sequence[Turn], lost: dict[str, None]) -> tuple[str | None, list[Body]]:
    """The instructions, and the items. A conversation of nothing but system text has it as items: there must be
    some."""
    leading = list(takewhile(lambda turn: turn.role == "system", turns))
    rest = turns[len(leading) :]
    if not rest:
        leading, rest = [], turns
    texts = [part.text for turn in leading for part in turn.parts if isinstance(part, Text) and part.text]
    items = [item for turn in rest for item in _items(turn, lost)]
    return "\n\n".join(texts) or None, items


def _items(turn: Turn, lost: dict[str, None]) -> list[Body]:
    if turn.role == "assistant":
        return _models(turn.parts, lost)
    items = [_result(part, lost) for part in turn.parts if isinstance(part, ToolResult)]
    rest = [part for part in turn.parts if isinstance(part, Text | Image | Document | Audio)]
    return [*items, _message(turn.role, _content(rest, lost))] if rest else items


def _message(role: str, content: object) -> Body:
    return {"type": "message", "role": role, "content": content}


def _content(parts: Sequence[Text | Image | Document | Audio], lost: dict[str, None]) -> object:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part, lost) for part in parts]


def _result(result: ToolResult, lost: dict[str, None]) -> Body:
    if result.is_error:
        lost["is_error"] = None
    output = _content(result.parts, lost) if result.parts else ""
    return {"type": "function_call_output", "call_id": result.call_id, "output": output}


def _part(part: Text | Image | Document | Audio, lost: dict[str, None]) -> Body:
    match part:
        case Text(text):
            return {"type": "input_text", "text": text}
        case Image():
            return {"type": "input_image", "image_url": url_of_image(part), "detail": part.detail or "auto"}
        case Document():
            return _document(part, lost)
        case Audio():
            return _audio(part)


def _document(document: Document, lost: dict[str, None]) -> Body:
    if document.cited:
        lost["citations"] = None
    text = text_of_document(document)
    if text is not None:
        return {"type": "input_text", "text": titled(document, text)}
    if document.url is not None:
        if document.title:
            lost["title"] = None  # names are for files inside the body
        return {"type": "input_file", "file_url": document.url}
    data = data_url(document.media_type, document.data)
    return {"type": "input_file", "filename": filename_of(document), "file_data": data}


def _audio(audio: Audio) -> Body:
    word = format_of_audio(audio)
    if word is None:
        raise InvalidRequest(f"{TURNS} may hold sound as wav or mp3 only, with this model's provider.", param=TURNS)
    return {"type": "input_audio", "input_audio": {"data": audio.data, "format": word}}


def _models(parts: Sequence[Part], lost: dict[str, None]) -> list[Body]:
    """In order: OpenAI wants reasoning right before what came of it."""
    items: list[Body] = []
    said: list[Text | Refusal] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            said.append(part)
            continue
        item = _call(part) if isinstance(part, ToolCall) else _thought(part, lost)
        if item is not None:
            items += [*_said(said, lost), item]
            said = []
    return items + _said(said, lost)


def _said(parts: list[Text | Refusal], lost: dict[str, None]) -> list[Body]:
    if not parts:
        return []
    if len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].citations:
        return [_message("assistant", parts[0].text)] if parts[0].text else []
    return [_message("assistant", [_prose(part, lost) for part in parts])]


def _prose(part: Text | Refusal, lost: dict[str, None]) -> Body:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": _pages(part, lost)}


def _pages(text: Text, lost: dict[str, None]) -> list[Body]:
    """A document has no address, and OpenAI's word for one wants the id of a file that it keeps."""
    pages = [citation for citation in text.citations if citation.url]
    if len(pages) < len(text.citations):
        lost["citations"] = None
    written = [write_one(citation, before=0, start=0, end=len(text.text)) for citation in pages]
    return [source for source in written if source is not None]


def _call(call: ToolCall) -> Body:
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}


def _thought(part: Part, lost: dict[str, None]) -> Body | None:
    """Only OpenAI's own comes back to it, and only what it has signed."""
    match part:
        case Thinking(text, str(signature), origin) if origin == HOME and signature:
            return _reasoning(signature, [{"type": "summary_text", "text": text}] if text else [])
        case RedactedThinking(data, origin) if origin == HOME:
            return _reasoning(data, [])
        case Thinking() | RedactedThinking():
            lost["thinking"] = None
    return None


def _reasoning(signature: str, summary: list[Body]) -> Body:
    item_id, encrypted = to_provider(signature)
    item: Body = {"type": "reasoning", "summary": summary, "encrypted_content": encrypted}
    return item if item_id is None else {"id": item_id, **item}
