"""Where the transports differ on purpose: what aiohttp makes of an answer, and why the lean transport does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Difference:
    """`seen` begins as one of these with aiohttp. An answer's bytes may come in ways of which it makes several."""

    seen: tuple[str, ...]
    why: str

    @property
    def waits(self) -> bool:
        return any(one.startswith("UpstreamTimeout") for one in self.seen)


_AS_IT_IS: Final = ("200 ",)
_WAITS: Final = ("UpstreamMalformed, closed", "UpstreamTimeout")
_NOT_WHOLE: Final = Difference(
    ("200 hi, kept",), "A cut answer is never given as a whole one: aiohttp skips the check."
)
_PACKED: Final = Difference(_AS_IT_IS, "aiohttp gives what it cannot unpack as it came: no caller could read it.")
_CODED: Final = Difference(_AS_IT_IS, "RFC 9112, 6.1: only chunked was agreed on. aiohttp gives the coded bytes.")
_LAX: Final = Difference(
    ("200 hi, kept",), "aiohttp's parser is told to be lax. What two parsers read in two ways is refused."
)
_CHUNK: Final = Difference(_WAITS, "The same error, which aiohttp tells, by how the bytes came, only when time is up.")

DIFFERENCES: Final = {
    "to a reset": Difference(("200 hi, closed",), "A reset is no end: RFC 9112, 8 asks to call the answer incomplete."),
    "says that it hardly keeps": Difference(("200 hi, kept",), "The next request would meet the connection's end."),
    "x-gzip": Difference(_AS_IT_IS, "RFC 9110, 8.4.1.3: x-gzip is gzip. aiohttp does not know it."),
    "gzip, cut": _NOT_WHOLE,
    "gzip, its sum cut": _NOT_WHOLE,
    "an encoding nobody knows": _PACKED,
    "packed twice": _PACKED,
    "packed twice by two headers": Difference(_AS_IT_IS, "aiohttp looks at one of them, and gives what is packed."),
    "a length of 64 bits": Difference(
        ("200, closed",), "A cut answer is never given as a whole one: aiohttp drops it."
    ),
    "transfer-encoding gzip": _CODED,
    "transfer-encoding gzip, chunked": _CODED,
    "transfer-encoding identity": _CODED,
    "transfer-encoding of control bytes": Difference(("UpstreamTimeout",), "aiohttp reads no framing, and waits."),
    "chunked twice": Difference(("200, kept",), "RFC 9112, 6.1: chunked is applied once. aiohttp does not look."),
    "chunked by 1.0, kept": Difference(("200 hi, kept",), "RFC 9112, 6.1: to be closed. aiohttp does not look."),
    "204 with a body": Difference(("UpstreamMalformed, closed", "204, closed"), "The answer is whole without it."),
    "304 with a body": Difference(("UpstreamMalformed, closed", "304, closed"), "The answer is whole without it."),
    "a chunk size that is none": _CHUNK,
    "a negative chunk size": _CHUNK,
    "a chunk size with 0x": _CHUNK,
    "a huge chunk size": _CHUNK,
    "a chunk longer than said": _CHUNK,
    "no chunk size": _CHUNK,
    "chunks by bare LF": _CHUNK,
    "a length in the trailers": _CHUNK,
    "a blank before a chunk's end": _LAX,
    "a head by bare LF": _LAX,
    "a control byte in a header": _LAX,
    "a blank before the colon": _LAX,
    "a folded header": _LAX,
    "a folded length": _LAX,
    "endless 1xx": Difference(("UpstreamTimeout",), "aiohttp reads on until the time is up; we, 128 KiB."),
    "garbage behind": Difference(("UpstreamMalformed, closed", "200 hi, closed"), "The answer is whole without it."),
    "a begun second answer": Difference(("200 hi, kept",), "aiohttp forgets the bytes with the answer's parser."),
    "an upgrade": Difference(("101, closed",), "Nobody asked for another protocol."),
    "status zero": Difference(
        ("0 hi, kept",), "RFC 9110, 15: a status has three digits, of which the first is 1 to 5."
    ),
}

HEADERS_DIFFER: Final = {
    "bytes of latin-1 in a header": "aiohttp's surrogates cannot be written out again; latin-1 is what bytes they are.",
}
