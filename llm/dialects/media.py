"""Images, documents and sound: as an address, or inside the body as a data URL (RFC 2397) or plain base64."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from llm.dialects.neutral import Audio, Document, Image

PDF: Final = "application/pdf"
PLAIN_TEXT: Final = "text/plain"

_AUDIO_OF_FORMAT: Final[Mapping[str, str]] = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_FORMAT_OF_AUDIO: Final[Mapping[str, str]] = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}


def is_address(url: str) -> bool:
    """Is it http or https?"""
    return url.partition(":")[0].lower() in ("http", "https")


def open_data_url(url: str) -> tuple[str, str] | None:
    """Media type in lower case, and base64 text; None for what is no base64 data URL."""
    scheme, _, rest = url.partition(":")
    head, comma, data = rest.partition(",")
    media_type, *parameters = head.split(";")
    if scheme.lower() != "data" or not comma or not data or "base64" not in parameters or not media_type:
        return None
    return media_type.lower(), data


def data_url(media_type: str | None, data: str | None) -> str:
    return f"data:{media_type};base64,{data}"


def image_of_url(url: str) -> Image | None:
    """None for what is neither an http(s) address nor a base64 data URL."""
    if is_address(url):
        return Image(url=url)
    opened = open_data_url(url)
    return None if opened is None else Image(media_type=opened[0], data=opened[1])


def url_of_image(image: Image) -> str:
    return image.url or data_url(image.media_type, image.data)


def document_of_data_url(url: str, *, title: str | None = None) -> Document | None:
    """A PDF or a text (which is plain text to the hub). None for other files, and for what is no base64 data URL."""
    opened = open_data_url(url)
    if opened is None:
        return None
    media_type, data = opened
    if media_type.startswith("text/"):
        media_type = PLAIN_TEXT
    if media_type not in (PDF, PLAIN_TEXT):
        return None
    return Document(media_type=media_type, data=data, title=title)


def filename_of(document: Document) -> str:
    """OpenAI wants a name for a file inside the body."""
    return document.title or "document.pdf"


def document_of_text(text: str, *, title: str | None = None, cited: bool = False) -> Document:
    return Document(media_type=PLAIN_TEXT, data=base64.b64encode(text.encode()).decode(), title=title, cited=cited)


def text_of_document(document: Document) -> str | None:
    """What a plain text says; None where the document is none, or has only an address, or its data is no text."""
    if document.media_type != PLAIN_TEXT or document.data is None:
        return None
    try:
        return base64.b64decode(document.data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def titled(document: Document, text: str) -> str:
    """A document's text as a part of the prompt, for providers without a word for documents of text."""
    return f"{document.title}:\n\n{text}" if document.title else text


def audio_of_format(word: str, data: str) -> Audio | None:
    """`word` is OpenAI's: wav or mp3. None for another."""
    media_type = _AUDIO_OF_FORMAT.get(word)
    return None if media_type is None else Audio(media_type, data)


def format_of_audio(audio: Audio) -> str | None:
    """OpenAI's word, wav or mp3; None for sound that it does not take."""
    return _FORMAT_OF_AUDIO.get(audio.media_type.lower())
