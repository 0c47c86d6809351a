"""Content parts of a responses request, read into the hub's parts."""

from __future__ import annotations

from typing import Final

from llm.dialects.fields import OBJECT, RAW, TEXT, Fields
from llm.dialects.media import audio_of_format, document_of_data_url, image_of_url, is_address
from llm.dialects.neutral import Audio, Document, Image, Part, Refusal, Role, Text
from llm.dialects.openai_responses import sources

_DETAILS: Final = frozenset({"low", "high", "original"})
_UNSUPPORTED: Final = "is not supported here by this model's provider"


def read_content(part: Fields, role: Role) -> Part:
    """Of a message. A model's own texts are output_text; clients send them as input_text too."""
    kind = part.need("type", TEXT)
    read: Part | None
    if role == "assistant":
        read = _models(part, kind)
    elif role == "user":
        read = _audio(part) if kind == "input_audio" else _input(part, kind)
    else:
        read = Text(part.need("text", TEXT)) if kind == "input_text" else None
    if read is None:
        raise part.wrong("type", _UNSUPPORTED)
    part.close()
    return read


def read_result_part(part: Fields) -> Text | Image | Document:
    """Of what a function gave."""
    read = _input(part, part.need("type", TEXT))
    if read is None:
        raise part.wrong("type", _UNSUPPORTED)
    part.close()
    return read


def _models(part: Fields, kind: str) -> Text | Refusal | None:
    if kind == "refusal":
        return Refusal(part.need("refusal", TEXT))
    if kind not in ("output_text", "input_text"):
        return None
    part.take("logprobs", RAW)
    told = part.take("annotations", RAW)
    return Text(part.need("text", TEXT), () if told is None else tuple(sources.read_all(told)))


def _input(part: Fields, kind: str) -> Text | Image | Document | None:
    if kind == "input_text":
        return Text(part.need("text", TEXT))
    if kind == "input_image":
        return _image(part)
    return _file(part) if kind == "input_file" else None


def _refuse_stored(part: Fields) -> None:
    if part.take("file_id", TEXT) is not None:
        raise part.wrong("file_id", "is known to OpenAI only; this model is another provider's")


def _image(part: Fields) -> Image:
    _refuse_stored(part)
    detail = part.take("detail", TEXT)
    if detail not in (None, "auto") and detail not in _DETAILS:
        raise part.wrong("detail", "is none of auto, low, high, original")
    image = image_of_url(part.need("image_url", TEXT))
    if image is None:
        raise part.wrong("image_url", "is neither an http(s) address nor a base64 data URL")
    return Image(image.url, image.media_type, image.data, detail if detail in _DETAILS else None)


def _file(part: Fields) -> Document:
    _refuse_stored(part)
    if part.take("detail", TEXT) not in (None, "auto"):
        part.lose("detail")
    title = part.take("filename", TEXT)
    url = part.take("file_url", TEXT)
    if url is not None:
        if not is_address(url):
            raise part.wrong("file_url", "is no http(s) address")
        return Document(url=url, title=title)
    document = document_of_data_url(part.need("file_data", TEXT), title=title)
    if document is None:
        raise part.wrong("file_data", "is no base64 data URL of a PDF or a text")
    return document


def _audio(part: Fields) -> Audio:
    sound = part.inner("input_audio", part.need("input_audio", OBJECT))
    audio = audio_of_format(sound.need("format", TEXT), sound.need("data", TEXT))
    if audio is None:
        raise sound.wrong("format", "is none of wav, mp3")
    sound.close()
    return audio
