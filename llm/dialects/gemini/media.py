"""Images, documents and sound of Gemini's parts: `inlineData` {mimeType, data} and `fileData` {mimeType, fileUri}."""

from __future__ import annotations

import posixpath
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from llm.dialects.fields import TEXT, Fields
from llm.dialects.gemini.names import one
from llm.dialects.grammar import Body
from llm.dialects.neutral import Audio, Document, Image

Media: TypeAlias = Image | Document | Audio

# By hand: what the machine's own table says is not the same everywhere.
_OF_ENDING: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".bmp": "image/bmp",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".html": "text/html",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
}
_TEXTS: Final = frozenset({"application/json", "application/xml", "application/x-javascript", "application/x-python"})
# Files that were uploaded to Google: an id, not an address that anybody else can read.
_GOOGLES: Final = "generativelanguage.googleapis.com"
_UNSUPPORTED: Final = "is not supported here by this model's provider"


def guessed(url: str) -> str | None:
    """The media type by the ending of the address's path."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    return _OF_ENDING.get(posixpath.splitext(path)[1].lower())


def write_media(part: Media) -> Body:
    if isinstance(part, Audio):
        return _inline(part.media_type, part.data)
    if part.url is None:
        return _inline(part.media_type, part.data)
    fallback = "image/jpeg" if isinstance(part, Image) else "application/pdf"
    return {"fileData": {"mimeType": part.media_type or guessed(part.url) or fallback, "fileUri": part.url}}


def _inline(media_type: str | None, data: str | None) -> Body:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def take_media(part: Fields) -> Media | None:
    """What the part holds of them; None where it holds none."""
    inline = one(part, "inlineData")
    if inline is not None:
        media_type = inline.need("mimeType", TEXT).lower()
        data = inline.need("data", TEXT).translate({0x2D: "+", 0x5F: "/"})  # Google's own clients write base64url
        name = inline.take("displayName", TEXT)
        inline.close()
        return _inside(inline, media_type, data, name)
    stored = one(part, "fileData")
    if stored is None:
        return None
    url = stored.need("fileUri", TEXT)
    media_type = (stored.take("mimeType", TEXT) or guessed(url) or "").lower()
    name = stored.take("displayName", TEXT)
    stored.close()
    return _outside(stored, media_type, url, name)


def _inside(fields: Fields, media_type: str, data: str, name: str | None) -> Media:
    if media_type.startswith("image/"):
        return Image(media_type=media_type, data=data)
    if media_type.startswith("audio/"):
        return Audio(media_type, data)
    if media_type == "application/pdf":
        return Document(media_type=media_type, data=data, title=name)
    if _is_text(media_type):
        return Document(media_type="text/plain", data=data, title=name)
    raise fields.wrong("mimeType", _UNSUPPORTED)


def _outside(fields: Fields, media_type: str, url: str, name: str | None) -> Media:
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in ("http", "https") or rest.startswith(_GOOGLES):
        raise fields.wrong(
            "fileUri", "may only be an http(s) address that anybody can read, with this model's provider"
        )
    if not media_type:
        raise fields.wrong("mimeType", "is required")
    if media_type.startswith("image/"):
        return Image(url=url)
    if media_type == "application/pdf" or _is_text(media_type):
        return Document(url=url, media_type=media_type, title=name)
    raise fields.wrong("mimeType", _UNSUPPORTED)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type in _TEXTS
