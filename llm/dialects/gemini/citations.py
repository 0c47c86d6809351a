"""Sources of an answer: Gemini's groundingMetadata (what a search found) and citationMetadata (what is quoted at
length), and the hub's citations.

Gemini counts in bytes of UTF-8, the hub in characters of the answer's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.gemini.wire import CandidateWire, absent
from llm.dialects.grammar import Body
from llm.dialects.neutral import Citation


class SourceWire(msgspec.Struct, rename="camel", gc=False):
    """`text` is what the source says; a place on a map and an image have none."""

    uri: str | None = None
    source_uri: str | None = None
    title: str | None = None
    text: str | None = None


class ChunkWire(msgspec.Struct, rename="camel"):
    web: SourceWire | None = None
    retrieved_context: SourceWire | None = None
    maps: SourceWire | None = None
    image: SourceWire | None = None


class SegmentWire(msgspec.Struct, rename="camel", gc=False):
    start_index: int | None = None
    end_index: int | None = None
    text: str | None = None


class SupportWire(msgspec.Struct, rename="camel"):
    segment: SegmentWire | None = None
    grounding_chunk_indices: list[int] | None = None


class GroundingWire(msgspec.Struct, rename="camel"):
    grounding_chunks: list[ChunkWire] | None = None
    grounding_supports: list[SupportWire] | None = None


class QuotedWire(msgspec.Struct, rename="camel", gc=False):
    uri: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class QuotesWire(msgspec.Struct, rename="camel"):
    """Named `citationSources` by the Gemini API, `citations` on Vertex."""

    citation_sources: list[QuotedWire] | None = None
    citations: list[QuotedWire] | None = None


_GROUNDING: Final = msgspec.json.Decoder(GroundingWire)
_QUOTES: Final = msgspec.json.Decoder(QuotesWire)


def has_citations(candidate: CandidateWire) -> bool:
    return not (absent(candidate.grounding_metadata) and absent(candidate.citation_metadata))


def citations_of(candidate: CandidateWire, text: str) -> list[Citation]:
    """`text` is the answer's text so far. What cannot be read is no reason to lose an answer."""
    data = text.encode()
    found: list[Citation] = []
    try:
        if not absent(candidate.grounding_metadata):
            found += _grounding(_GROUNDING.decode(candidate.grounding_metadata), text, data)
        if not absent(candidate.citation_metadata):
            quotes = _QUOTES.decode(candidate.citation_metadata)
            for quote in quotes.citation_sources or quotes.citations or ():
                start, end = _characters(SegmentWire(quote.start_index, quote.end_index), text, data)
                found.append(Citation(url=quote.uri, title=quote.title, start=start, end=end))
    except BAD_JSON:
        pass
    return list(dict.fromkeys(found))


def _grounding(grounding: GroundingWire, text: str, data: bytes) -> Iterator[Citation]:
    sources = [_source(chunk) for chunk in grounding.grounding_chunks or ()]
    if not grounding.grounding_supports:
        yield from (source for source in sources if source is not None)
    for support in grounding.grounding_supports or ():
        start, end = _characters(support.segment or SegmentWire(), text, data)
        for index in support.grounding_chunk_indices or ():
            source = sources[index] if 0 <= index < len(sources) else None
            if source is not None:
                yield msgspec.structs.replace(source, start=start, end=end)


def _source(chunk: ChunkWire) -> Citation | None:
    wire = chunk.web or chunk.retrieved_context or chunk.maps or chunk.image
    if wire is None:
        return None
    quote = wire.text if wire is chunk.retrieved_context else None
    return Citation(url=wire.uri or wire.source_uri, title=wire.title, quote=quote)


def _characters(segment: SegmentWire, text: str, data: bytes) -> tuple[int | None, int | None]:
    """Where the segment stands in the text. Its offsets count from the beginning of its part, which a stream does not
    show: so its own text is looked for where it does not stand at them."""
    if segment.end_index is None and not segment.text:
        return None, None
    start, end = segment.start_index or 0, segment.end_index or 0
    if 0 <= start <= end <= len(data) and (not segment.text or data[start:end] == segment.text.encode()):
        first = len(data[:start].decode(errors="ignore"))
        return first, first + len(data[start:end].decode(errors="ignore"))
    place = text.find(segment.text) if segment.text else -1
    return (place, place + len(segment.text or "")) if place >= 0 else (None, None)


class Grounding:
    """groundingMetadata under way: cumulative, as in Google's streams."""

    def __init__(self) -> None:
        self._chunks: dict[str, int] = {}
        self._written: list[Body] = []
        self._supports: list[Body] = []

    def __bool__(self) -> bool:
        return bool(self._supports)

    def add(self, citation: Citation, text: str) -> None:
        """`text` is the answer's text so far."""
        chunk = _chunk(citation)
        key = msgspec.json.encode(chunk).decode()
        if key not in self._chunks:
            self._chunks[key] = len(self._written)
            self._written.append(chunk)
        self._supports.append({"segment": _segment(citation, text), "groundingChunkIndices": [self._chunks[key]]})

    def written(self) -> Body:
        return {"groundingChunks": self._written, "groundingSupports": self._supports}


def _chunk(citation: Citation) -> Body:
    """Only a retrieved context has a word for what the source says."""
    source: Body = {"uri": citation.url, "title": citation.title, "text": citation.quote}
    kind = "web" if citation.url is not None and citation.quote is None else "retrievedContext"
    return {kind: {name: value for name, value in source.items() if value is not None}}


def _segment(citation: Citation, text: str) -> Body:
    if citation.start is None or citation.end is None:
        return {}
    first = len(text[: citation.start].encode())
    cited = text[citation.start : citation.end]
    return {"startIndex": first, "endIndex": first + len(cited.encode()), "text": cited}
