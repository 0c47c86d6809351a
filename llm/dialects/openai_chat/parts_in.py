"""The content of a message: a text, or parts of text, images, files and sound."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.cache_marks import take_mark
from llm.dialects.fields import OBJECT, RAW, TEXT, Fields
from llm.dialects.media import audio_of_format, document_of_data_url, image_of_url
from llm.dialects.neutral import Audio, Document, Image, Part, Refusal, Role, Text

_DETAILS: Final = ("low", "high", "original")


def read_parts(message: Fields, role: Role, content: str | list[dict[str, msgspec.Raw]]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts = []
    for part in message.each("content", content):
        parts.append(_part(part, role))
        part.close()
    return tuple(parts)


def _part(part: Fields, role: Role) -> Part:
    kind = part.need("type", TEXT)
    if kind == "text":
        return Text(part.need("text", TEXT), cache=take_mark(part))
    if kind == "refusal" and role == "assistant":
        return Refusal(part.need("refusal", TEXT))
    if role == "user":
        if kind == "image_url":
            return _image(part)
        if kind == "file":
            return _file(part)
        if kind == "input_audio":
            return _audio(part)
    raise part.wrong("type", "is not supported here by this model's provider")


def _image(part: Fields) -> Image:
    source = part.inner("image_url", part.need("image_url", OBJECT))
    detail = source.take("detail", TEXT)
    if detail == "auto":
        detail = None
    if detail is not None and detail not in _DETAILS:
        raise source.wrong("detail", "is none of auto, low, high, original")
    image = image_of_url(source.need("url", TEXT))
    if image is None:
        raise source.wrong("url", "is neither an http(s) address nor a base64 data URL")
    source.close()
    return msgspec.structs.replace(image, detail=detail, cache=take_mark(part))


def _file(part: Fields) -> Document:
    source = part.inner("file", part.need("file", OBJECT))
    if source.take("file_id", RAW) is not None:
        raise source.wrong("file_id", "is known to OpenAI only; this model is another provider's: use file_data")
    document = document_of_data_url(source.need("file_data", TEXT), title=source.take("filename", TEXT) or None)
    if document is None:
        raise source.wrong("file_data", "is no base64 data URL of a PDF or a text")
    source.close()
    return msgspec.structs.replace(document, cache=take_mark(part))


def _audio(part: Fields) -> Audio:
    source = part.inner("input_audio", part.need("input_audio", OBJECT))
    audio = audio_of_format(source.need("format", TEXT), source.need("data", TEXT))
    if audio is None:
        raise source.wrong("format", "is none of wav, mp3")
    source.close()
    return audio
