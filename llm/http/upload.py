"""A multipart form that is passed on while it comes: read only as far as it must be to know its model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import perf_counter
from typing import Final

from llm.errors import InvalidRequest
from llm.http import multipart
from llm.http.incoming import Incoming
from llm.http.multipart import FormReader
from llm.service import meter
from llm.spec import Form

KEPT: Final = 1024 * 1024
"""Bytes of what was passed on that are kept, so that a smaller form can be sent to another provider."""


async def read(incoming: Incoming, content_type: str) -> tuple[str, Form]:
    """The model ("" where none is named) and the form around it, whole only where the model stands behind the file.
    InvalidRequest as `FormReader` says; what is wrong with the rest is told by reading it."""
    began = perf_counter()
    mark = multipart.mark(content_type)
    reader = FormReader(mark)
    body = bytearray()
    while not (reader.file_begun and reader.model) and (piece := await incoming.piece()):
        reader.feed(piece)
        body += piece
    meter.add(perf_counter() - began)
    if incoming.over:
        reader.close()
    rest = None if incoming.over else IncomingRest(incoming, reader)
    if reader.model is None:
        head = mark + b'\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
        return "", Form(content_type, head, b"\r\n" + body)
    start, end = reader.model
    try:
        model = body[start:end].decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("The field 'model' must be a string.", param="model") from error
    return model, Form(content_type, bytes(body[:start]), bytes(body[end:]), rest)


class IncomingRest:
    """See `llm.spec.Rest`. The form is looked through while it passes, so that the caller is told what is wrong with
    it as long as the provider has not answered."""

    def __init__(self, incoming: Incoming, reader: FormReader) -> None:
        self.length = None if incoming.length is None else incoming.length - incoming.size
        self._incoming = incoming
        self._reader = reader
        self._kept: list[bytes] | None = []
        self._kept_size = 0

    @property
    def replayable(self) -> bool:
        return self._kept is not None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(self)

    def kept(self, at: int) -> bytes:
        """The piece at this place, b"" where it is still to be taken, or gone."""
        return self._kept[at] if self._kept is not None and at < len(self._kept) else b""

    async def take(self) -> bytes:
        """The next piece from the caller, b"" at the end. The last one is given only where the form is a whole one."""
        piece = await self._incoming.piece()
        if piece:
            self._keep(piece)
            self._reader.feed(piece)
        if self._incoming.over:
            self._reader.close()
        return piece

    def _keep(self, piece: bytes) -> None:
        self._kept_size += len(piece)
        if self._kept is not None and self._kept_size <= KEPT:
            self._kept.append(piece)
        else:
            self._kept = None


class _Pieces:
    """One way through the rest."""

    __slots__ = ("_at", "_rest")

    def __init__(self, rest: IncomingRest) -> None:
        self._at = 0
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = self._rest.kept(self._at) or await self._rest.take()
        self._at += 1
        if not piece:
            raise StopAsyncIteration
        return piece
