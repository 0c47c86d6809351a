"""What a request's conversation holds beside text, told without reading it through a dialect.

For the gateway's own decisions on a body that is passed through: nothing is refused here for its form, and what nobody
knows is no attachment. First the bytes are searched for the words of the parts, then, only where one is there, the
JSON is read: a text that mentions a word is no image.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.errors import InvalidRequest
from llm.spec import Dialect, Request

Attachment: TypeAlias = Literal["image", "audio", "document"]

FIELD: Final[Mapping[Dialect, str]] = {
    "openai_chat": "messages",
    "openai_responses": "input",
    "anthropic_messages": "messages",
    "gemini": "contents",
}
"""The field that holds the conversation. The other dialects have text only."""

_TYPES: Final[Mapping[Dialect, Mapping[str, Attachment]]] = {
    "openai_chat": {"image_url": "image", "input_audio": "audio", "file": "document"},
    "openai_responses": {"input_image": "image", "input_audio": "audio", "input_file": "document"},
    "anthropic_messages": {"image": "image", "document": "document"},
}
# Gemini's parts have no type: what they are is their media type.
_BLOBS: Final = ("inlineData", "inline_data", "fileData", "file_data")
_MEDIA_TYPES: Final[Mapping[str, Attachment]] = {"image/": "image", "audio/": "audio", "application/pdf": "document"}
# Where parts stand, in messages, in results of functions and in Anthropic's documents that are made of parts. Not all
# that is nested is looked into: the arguments of a function may hold anything.
_NESTED: Final = ("content", "output", "parts")
_DEEPEST: Final = 8

_decode: Final = msgspec.json.Decoder().decode


def held(request: Request, wanted: Collection[Attachment]) -> frozenset[Attachment]:
    """Which of the `wanted` ones the conversation holds. InvalidRequest where a word of theirs stands in what is no
    JSON."""
    field = FIELD.get(request.dialect, "")
    raw = request.fields.get(field)
    if raw is None or not wanted:
        return frozenset()
    told = bytes(raw)
    if not any(b'"%s"' % word.encode() in told for word in _words(request.dialect, wanted)):
        return frozenset()
    try:
        conversation = _decode(told)
    except BAD_JSON as error:
        raise InvalidRequest(f"The field '{field}' is not valid JSON.", param=field) from error
    return frozenset(_found(conversation, _TYPES.get(request.dialect, {}), _DEEPEST)) & frozenset(wanted)


def _words(dialect: Dialect, wanted: Collection[Attachment]) -> Iterable[str]:
    if dialect == "gemini":
        return _BLOBS
    return (word for word, kind in _TYPES[dialect].items() if kind in wanted)


def _found(parts: object, types: Mapping[str, Attachment], depth: int) -> Iterator[Attachment]:
    if not isinstance(parts, list) or not depth:
        return
    for part in parts:
        if not isinstance(part, dict):
            continue
        kind = _kind(part, types)
        if kind:
            yield kind
        for name in _NESTED:
            yield from _found(part.get(name), types, depth - 1)
        for holder in (part.get("source"), part.get("functionResponse")):
            if isinstance(holder, dict):
                yield from _found(holder.get("content") or holder.get("parts"), types, depth - 1)


def _kind(part: Mapping[str, object], types: Mapping[str, Attachment]) -> Attachment | None:
    word = part.get("type")
    if not types:
        return _kind_of_blob(part)
    kind = types.get(word) if isinstance(word, str) else None
    return None if kind == "document" and _is_text(part) else kind


def _kind_of_blob(part: Mapping[str, object]) -> Attachment | None:
    for name in _BLOBS:
        blob = part.get(name)
        if isinstance(blob, dict):
            media_type = str(blob.get("mimeType") or blob.get("mime_type") or "").lower()
            return next((kind for begin, kind in _MEDIA_TYPES.items() if media_type.startswith(begin)), None)
    return None


def _is_text(part: Mapping[str, object]) -> bool:
    """A document of plain text, or made of parts (they are looked at by themselves), is no more than text."""
    source, file = part.get("source"), part.get("file", part)
    if isinstance(source, dict):
        return source.get("type") in ("text", "content")
    return isinstance(file, dict) and str(file.get("file_data")).startswith("data:text/")
