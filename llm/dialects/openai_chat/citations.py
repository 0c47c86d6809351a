"""Sources of an answer: `annotations` of the message, each {type: url_citation, url_citation: {url, title,
start_index, end_index}}; what is cited stands in `content`, as OpenRouter has it.

OpenAI's clients want all four to be there: what is unknown is "" and 0 to 0.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Body
from llm.dialects.neutral import Citation
from llm.dialects.openai_chat.wire import absent


class UrlCitationWire(msgspec.Struct, gc=False):
    url: str | None = None
    title: str | None = None
    content: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class AnnotationWire(msgspec.Struct):
    type: str = ""
    url_citation: UrlCitationWire | None = None


_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANNOTATION: Final = msgspec.json.Decoder(AnnotationWire)


def read_annotations(raw: msgspec.Raw) -> tuple[Citation, ...]:
    """What cannot be read is no reason to lose an answer."""
    if absent(raw):
        return ()
    try:
        annotations = _LIST.decode(raw)
    except BAD_JSON:
        return ()
    return tuple(citation for one in annotations if (citation := _citation(one)) is not None)


def _citation(raw: msgspec.Raw) -> Citation | None:
    try:
        found = _ANNOTATION.decode(raw).url_citation
    except BAD_JSON:
        return None
    if found is None:
        return None
    span = (found.start_index, found.end_index) if found.end_index else (None, None)
    return Citation(found.url or None, found.title or None, found.content or None, *span)


def write_annotation(citation: Citation) -> Body:
    written: Body = {
        "url": citation.url or "",
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }
    if citation.quote:
        written["content"] = citation.quote
    return {"type": "url_citation", "url_citation": written}
