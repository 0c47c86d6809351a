"""Unpacks an answer's body piece by piece, never more at once than a reader takes."""

from __future__ import annotations

import zlib
from typing import Final

from llm.transport import failures

_MOST_AT_ONCE: Final = 256 * 1024
_GZIP: Final = frozenset({b"gzip", b"x-gzip"})


class Inflater:
    """For `gzip` (of several members too) and `deflate` (with and without zlib's envelope). UpstreamMalformed for
    another encoding, and for bytes that are none of it."""

    __slots__ = ("_bits", "_engine", "_given", "_gzip", "_rest")

    def __init__(self, encoding: bytes) -> None:
        name = encoding.strip().lower()
        if name not in _GZIP and name != b"deflate":
            raise failures.not_unpacked()
        self._gzip = name in _GZIP
        self._bits = 16 + zlib.MAX_WBITS if self._gzip else zlib.MAX_WBITS
        self._engine = zlib.decompressobj(self._bits)
        self._rest = b""
        self._given = False

    def feed(self, piece: bytes) -> None:
        if not self._given and piece and not self._gzip:
            self._given = True
            if piece[0] & 0x0F != 8:  # no zlib's envelope: some servers call the bare stream deflate
                self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
        self._given = self._given or bool(piece)
        self._rest += piece

    def take(self) -> bytes:
        """The next unpacked bytes; b"" where more has to be fed."""
        while True:
            if self._engine.eof:
                self._next_member()
                if not self._rest:
                    return b""
            if (made := self._unpack()) or not self._rest:
                return made

    def end(self) -> None:
        """Nothing more comes. UpstreamMalformed where the body is not whole."""
        if self._given and not self._engine.eof:
            raise failures.not_unpacked()

    def _unpack(self) -> bytes:
        try:
            made = self._engine.decompress(self._rest, _MOST_AT_ONCE)
        except zlib.error as error:
            raise failures.not_unpacked() from error
        self._rest = self._engine.unused_data if self._engine.eof else self._engine.unconsumed_tail
        return made

    def _next_member(self) -> None:
        if not self._gzip or not self._rest.strip(b"\0"):
            self._rest = b""  # padding behind the end
            return
        self._engine = zlib.decompressobj(self._bits)


def inflater(encoding: bytes) -> Inflater | None:
    """None for a body that is not packed."""
    if encoding.strip().lower() in (b"", b"identity"):
        return None
    return Inflater(encoding)
