"""The hub's turns, written as the messages of a chat completions request."""

from __future__ import annotations

from collections.abc import Sequence

from llm.dialects.grammar import TURNS, Body
from llm.dialects.media import (
    PLAIN_TEXT,
    data_url,
    filename_of,
    format_of_audio,
    text_of_document,
    titled,
    url_of_image,
)
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
from llm.dialects.openai_chat.result import write_call
from llm.dialects.openai_chat.thoughts import HOME, flat_text, is_signed, write_details
from llm.errors import InvalidRequest


def write_turn(turn: Turn, lost: dict[str, None]) -> list[Body]:
    if turn.role == "assistant":
        return [_assistant(turn.parts, lost)]
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    rest = [part for part in turn.parts if not isinstance(part, ToolResult)]
    messages = [_tool_message(result, lost) for result in results]
    files = [part for result in results for part in _files(result)]
    if files or rest or not results:
        messages.append({"role": turn.role, "content": _content([*files, *rest], lost)})
    return messages


def _tool_message(result: ToolResult, lost: dict[str, None]) -> Body:
    if result.is_error:
        lost["is_error"] = None
    texts = [part for part in result.parts if _is_text(part)]
    return {"role": "tool", "tool_call_id": result.call_id, "content": _content(texts, lost)}


def _files(result: ToolResult) -> list[Part]:
    """A tool message holds text only, so the rest goes into the user message behind it, under the call's id."""
    files: list[Part] = [part for part in result.parts if not _is_text(part)]
    kind = "Images" if all(isinstance(part, Image) for part in files) else "Files"
    return [Text(f"{kind} of the tool result {result.call_id}:"), *files] if files else []


def _is_text(part: Part) -> bool:
    return isinstance(part, Text) or (isinstance(part, Document) and text_of_document(part) is not None)


def _content(parts: Sequence[Part], lost: dict[str, None]) -> object:
    written = [body for part in parts if (body := _part(part, lost)) is not None]
    if not written:
        return ""
    if len(written) == 1 and written[0]["type"] == "text":
        return written[0]["text"]
    return written


def _part(part: Part, lost: dict[str, None]) -> Body | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image():
            source: Body = {"url": url_of_image(part)}
            if part.detail is not None:
                source["detail"] = part.detail
            return {"type": "image_url", "image_url": source}
        case Document():
            return _document(part, lost)
        case Audio():
            return _audio(part)
    return None  # no dialect that is read has another part in a turn that is not the model's


def _document(document: Document, lost: dict[str, None]) -> Body:
    if document.cited:
        lost["citations"] = None
    text = text_of_document(document)
    if text is not None:
        return {"type": "text", "text": titled(document, text)}
    if document.url is not None:
        raise InvalidRequest(
            f"{TURNS}: this model's provider takes no document by its address: send the file itself.", param=TURNS
        )
    if document.media_type == PLAIN_TEXT:
        raise InvalidRequest(f"{TURNS}: a document of text is no base64 of UTF-8.", param=TURNS)
    file = {"filename": filename_of(document), "file_data": data_url(document.media_type, document.data)}
    return {"type": "file", "file": file}


def _audio(audio: Audio) -> Body:
    word = format_of_audio(audio)
    if word is None:
        raise InvalidRequest(f"{TURNS}: this model's provider takes sound as WAV or MP3 only.", param=TURNS)
    return {"type": "input_audio", "input_audio": {"data": audio.data, "format": word}}


def _assistant(parts: Sequence[Part], lost: dict[str, None]) -> Body:
    message: Body = {"role": "assistant", "content": None}
    texts = [part for part in parts if isinstance(part, Text)]
    if texts:
        message["content"] = _content(texts, lost)
    if any(text.citations for text in texts):
        lost["citations"] = None  # answers have them, messages of a request have no place for them
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    if refusal:
        message["refusal"] = refusal
    calls = [write_call(part) for part in parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = calls
    if not (texts or refusal or calls):
        message["content"] = ""
    return {**message, **_thinking(parts, lost)}


def _thinking(parts: Sequence[Part], lost: dict[str, None]) -> Body:
    """What a provider of this dialect signed goes back as it came; what another signed, no other can read."""
    thoughts = [part for part in parts if isinstance(part, Thinking | RedactedThinking)]
    kept = [part for part in thoughts if not is_signed(part) or part.origin == HOME]
    if len(kept) < len(thoughts):
        lost["thinking"] = None
    if any(is_signed(part) for part in kept):
        return {"reasoning_details": write_details(kept)}
    text = flat_text(kept)
    return {"reasoning_content": text} if text else {}
