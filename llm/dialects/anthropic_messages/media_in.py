"""Images, documents and search results of a messages request, read into the hub's parts.

Source: `ImageBlockParam`, `DocumentBlockParam` and `SearchResultBlockParam` of the anthropic SDK (2.12).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from llm.dialects.anthropic_messages.words import UNSUPPORTED
from llm.dialects.cache_marks import take_mark
from llm.dialects.fields import FLAG, OBJECT, OBJECTS, TEXT, TEXT_OR_OBJECTS, Fields
from llm.dialects.media import PDF, PLAIN_TEXT, document_of_text, is_address
from llm.dialects.neutral import Document, Image, Text
from llm.errors import InvalidRequest

Readable: TypeAlias = Text | Image | Document


def read_readable(block: Fields, kind: str) -> list[Readable]:
    """What users and tools can show a model. InvalidRequest for another `kind`."""
    if kind == "image":
        parts: Sequence[Readable] = [_image(block)]
    elif kind == "document":
        parts = _document(block)
    elif kind == "search_result":
        parts = [_search_result(block)]
    elif kind == "text":
        parts = [Text(block.need("text", TEXT))]
    else:
        raise block.wrong("type", UNSUPPORTED)
    mark = take_mark(block)
    # A block may be several parts for the hub; the prefix that it ends is that of the last.
    return [*parts[:-1], msgspec.structs.replace(parts[-1], cache=mark)]


def _image(block: Fields) -> Image:
    source = block.inner("source", block.need("source", OBJECT))
    kind = source.need("type", TEXT)
    if kind == "base64":
        image = Image(media_type=source.need("media_type", TEXT).lower(), data=source.need("data", TEXT))
    elif kind == "url":
        image = Image(url=_address(source))
    else:
        raise _foreign(source)
    source.close()
    return image


def _document(block: Fields) -> list[Readable]:
    """`context` is about the document and no part of it: a text before it."""
    title = block.take("title", TEXT) or None
    context = block.take("context", TEXT)
    cited = _cited(block)
    source = block.inner("source", block.need("source", OBJECT))
    parts = _source(source, title, cited)
    source.close()
    return [Text(context), *parts] if context else parts


def _source(source: Fields, title: str | None, cited: bool) -> list[Readable]:
    kind = source.need("type", TEXT)
    if kind == "url":
        return [Document(url=_address(source), media_type=PDF, title=title, cited=cited)]
    if kind == "base64":
        _only(source, PDF)
        return [Document(media_type=PDF, data=source.need("data", TEXT), title=title, cited=cited)]
    if kind == "text":
        _only(source, PLAIN_TEXT)
        return [document_of_text(source.need("data", TEXT), title=title, cited=cited)]
    if kind == "content":
        return _content(source, title, cited)
    raise _foreign(source)


def _content(source: Fields, title: str | None, cited: bool) -> list[Readable]:
    """A document made of blocks: each run of texts is a document, each image an image."""
    content = source.need("content", TEXT_OR_OBJECTS)
    if isinstance(content, str):
        return [document_of_text(content, title=title, cited=cited)]
    parts: list[Readable] = []
    texts: list[str] = []
    for block in source.each("content", content):
        for part in read_readable(block, block.need("type", TEXT)):
            if isinstance(part, Text):
                texts.append(part.text)
                continue
            if texts:
                parts.append(document_of_text("\n".join(texts), title=title, cited=cited))
                texts = []
            parts.append(part)
        block.close()
    if texts or not parts:
        parts.append(document_of_text("\n".join(texts), title=title, cited=cited))
    return parts


def _search_result(block: Fields) -> Document:
    """What the caller's own search found: a text document under its title and where it is from."""
    title, source = block.need("title", TEXT), block.need("source", TEXT)
    texts = []
    for text in block.each("content", block.need("content", OBJECTS)):
        if text.need("type", TEXT) != "text":
            raise text.wrong("type", "may only be text here")
        texts.append(text.need("text", TEXT))
        text.close()
    return document_of_text("\n".join(texts), title=f"{title} ({source})", cited=_cited(block))


def _cited(block: Fields) -> bool:
    given = block.take("citations", OBJECT)
    if given is None:
        return False
    citations = block.inner("citations", given)
    enabled = citations.take("enabled", FLAG) is True
    citations.close()
    return enabled


def _address(source: Fields) -> str:
    url = source.need("url", TEXT)
    if not is_address(url):
        raise source.wrong("url", "is no http(s) address")
    return url


def _only(source: Fields, media_type: str) -> None:
    if source.need("media_type", TEXT).lower() != media_type:
        raise source.wrong("media_type", f"may only be {media_type} here")


def _foreign(source: Fields) -> InvalidRequest:
    """An id of a file is known to one provider only."""
    return source.wrong("type", "is not supported by this model's provider")
