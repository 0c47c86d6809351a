"""A request's body on its way from the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from llm.errors import CallCancelled, RequestTooLarge
from llm.service import meter


class Incoming:
    """`length` is what the caller has told of it, in bytes; `size` what has come. `over` is true once all is here; then
    `whole` is called."""

    __slots__ = ("_limit", "_receive", "_whole", "length", "over", "size")

    def __init__(
        self,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        *,
        length: int | None,
        limit: int,
        whole: Callable[[], None],
    ) -> None:
        """RequestTooLarge where its length says so, before a byte is read."""
        if length is not None and length > limit:
            raise too_large(limit)
        self.length = length
        self.size = 0
        self.over = False
        self._limit = limit
        self._receive = receive
        self._whole = whole

    async def piece(self) -> bytes:
        """What has come since the last one, b"" at the end. RequestTooLarge past the limit, CallCancelled where the
        caller leaves in the middle."""
        while not self.over:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallCancelled("The caller left before its request was whole.")
            chunk: bytes = message.get("body", b"")
            self.size += len(chunk)
            if self.size > self._limit:
                raise too_large(self._limit)
            if not message.get("more_body", False) or self.size == self.length:
                self.over = True
                self._whole()
            if chunk:
                return chunk
        return b""

    async def read(self) -> bytes:
        """The whole body."""
        began = perf_counter()
        body = await self.piece()
        if not self.over:
            pieces = [body]
            while piece := await self.piece():
                pieces.append(piece)
            body = b"".join(pieces)
        meter.add(perf_counter() - began)
        return body


def too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request's body is larger than {limit} bytes.")
