"""Citations of a text block, and the hub's.

Anthropic's name a page (`web_search_result_location`, `search_result_location`) or one of the caller's documents
(`char_location`, `page_location`, `content_block_location`), and back the whole text block in which they stand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Body
from llm.dialects.media import is_address
from llm.dialects.neutral import Citation


class CitationWire(msgspec.Struct, gc=False):
    """Of any type."""

    cited_text: str | None = None
    url: str | None = None
    title: str | None = None
    source: str | None = None
    document_title: str | None = None


CITATIONS: Final = msgspec.json.Decoder(list[CitationWire])
_ONE: Final = msgspec.json.Decoder(CitationWire)


def citations_of(raw: msgspec.Raw) -> tuple[Citation, ...]:
    """What a provider says; what cannot be read is no reason to lose an answer."""
    try:
        wires = CITATIONS.decode(raw)
    except BAD_JSON:
        return ()
    return plain(wires)


def citation_of(raw: msgspec.Raw) -> tuple[Citation, ...]:
    """One, or none where it cannot be read."""
    try:
        return plain([_ONE.decode(raw)])
    except BAD_JSON:
        return ()


def plain(wires: Iterable[CitationWire]) -> tuple[Citation, ...]:
    return tuple(found for wire in wires if (found := _plain(wire)) is not None)


def _plain(wire: CitationWire) -> Citation | None:
    source = wire.source or None
    url = wire.url or (source if source is not None and is_address(source) else None)
    title = wire.title or wire.document_title or (source if url is None else None)
    if url is None and title is None and not wire.cited_text:
        return None
    return Citation(url=url, title=title, quote=wire.cited_text or None)


def placed(citations: Iterable[Citation], start: int, end: int) -> tuple[Citation, ...]:
    """With the characters of the answer's text where their block stands."""
    return tuple(msgspec.structs.replace(citation, start=start, end=end) for citation in citations)


def write_citation(citation: Citation) -> Body:
    """Clients want every field. What the hub does not know is empty or 0: the index of a document among those of the
    request, and the key by which Anthropic finds a page again."""
    quote = citation.quote or ""
    if citation.url is not None:
        return {
            "type": "web_search_result_location",
            "cited_text": quote,
            "encrypted_index": "",
            "title": citation.title,
            "url": citation.url,
        }
    return {
        "type": "char_location",
        "cited_text": quote,
        "document_index": 0,
        "document_title": citation.title,
        "start_char_index": 0,
        "end_char_index": len(quote),
    }
