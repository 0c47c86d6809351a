"""Sources of a text: annotations of `output_text`, and the hub's citations.

Positions are characters of the message there, and of the whole answer's text in the hub: `before` is the length of the
text before the message (openai/types/responses/response_output_text.py).
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Body
from llm.dialects.neutral import Citation
from llm.dialects.openai_responses.wire import absent


class AnnotationWire(msgspec.Struct, gc=False):
    type: str = ""
    url: str | None = None
    title: str | None = None
    filename: str | None = None
    start_index: int | None = None
    end_index: int | None = None


_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ONE: Final = msgspec.json.Decoder(AnnotationWire)


def read_all(raw: msgspec.Raw) -> list[Citation]:
    if absent(raw):
        return []
    try:
        found = [read_one(one) for one in _LIST.decode(raw)]
    except BAD_JSON:
        return []
    return list(dict.fromkeys(citation for citation in found if citation is not None))


def read_one(raw: msgspec.Raw) -> Citation | None:
    """None for what is no source: a file that the model wrote, or an annotation of another kind."""
    try:
        wire = _ONE.decode(raw)
    except BAD_JSON:
        return None
    if wire.type == "url_citation" and wire.url:
        title = wire.title if wire.title != wire.url else None
        return Citation(url=wire.url, title=title or None, start=wire.start_index, end=wire.end_index)
    if wire.type in ("file_citation", "container_file_citation") and wire.filename:
        return Citation(title=wire.filename, start=wire.start_index, end=wire.end_index)
    return None


def moved(citation: Citation, by: int) -> Citation:
    if not by or citation.start is None or citation.end is None:
        return citation
    return msgspec.structs.replace(citation, start=citation.start + by, end=citation.end + by)


def write_one(citation: Citation, *, before: int, start: int, end: int) -> Body | None:
    """`start` and `end` are those of the part in its message, for a source that names no place. None where neither
    address nor title is known."""
    if citation.start is not None and citation.end is not None:
        start, end = max(citation.start - before, 0), max(citation.end - before, 0)
    if citation.url:
        return {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title or citation.url,
            "start_index": start,
            "end_index": end,
        }
    if citation.title:
        # A document inside the request has no id, and the client's type wants one.
        return {"type": "file_citation", "file_id": "", "filename": citation.title, "index": end}
    return None
