"""One request and its answer, from the last look at the caller's limits to the last byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from time import perf_counter
from typing import Final, Protocol

from llm.errors import GatewayError
from llm.spec import Timeouts
from llm.transport import failures
from llm.transport.base import Answer, Waited
from llm.transport.failures import Phase
from llm.transport.lean.inflate import Inflater
from llm.transport.lean.sweeper import Sweeper

HIGH: Final = 256 * 1024
"""Bytes that may wait for a reader before the provider is no longer read."""

LOW: Final = 64 * 1024
_NEVER: Final = float("inf")


class Source(Protocol):
    """The connection that an answer comes from."""

    paused: bool

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def abort(self) -> None: ...


class NotActedOn(Exception):
    """A kept connection was lost before the whole request was on its way: sending it again is safe."""


class Exchange(Answer):
    """See `llm.transport.base.Answer`. The methods without an underscore that are not in there are for the wire and
    the transport: `sent`, `headed`, `took`, `ended`, `failed`, `again`, `expire`, `head`. `source` is set while more is
    to come."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sweeper: Sweeper,
        timeouts: Timeouts,
        waited: Waited | None = None,
        monotonic: Callable[[], float] = perf_counter,
    ) -> None:
        self.status = 0
        self.deadline = _NEVER
        self.total_at = loop.time() + timeouts.total
        self._loop = loop
        self._sweeper = sweeper
        self._timeouts = timeouts
        self._first_byte_at = _NEVER
        self._phase: Phase = "total"
        self.upload: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.source: Source | None = None
        self._raw: list[tuple[bytes, bytes]] = []
        self._headers: dict[str, str] | None = None
        self._inflater: Inflater | None = None
        self._take: Callable[[bytes], bool] | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._begun = False
        self._waited = waited
        self._monotonic = monotonic
        self._heard_at = 0.0  # while pieces flow: when the last one came, by `_monotonic`
        self._waits_since = 0.0  # by `_monotonic`
        self._whole = False
        self._closed = False
        self._error: Exception | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        found = self._headers
        if found is None:
            # The parser leaves blanks at a value's end; they are no part of it.
            found = self._headers = {
                name.decode("latin-1").lower(): value.decode("latin-1").rstrip(" \t") for name, value in self._raw
            }
        return found

    # What the wire tells.

    def sent(self) -> None:
        """The request's last byte is written: from now on the answer may be late."""
        self._first_byte_at = self._loop.time() + self._timeouts.first_byte
        if self._waiter is not None and not self._begun:  # else its answer has come before, and waits for pieces
            self._limit(0.0)

    def headed(self, status: int, raw: list[tuple[bytes, bytes]], inflater: Inflater | None) -> None:
        self.status, self._raw, self._inflater = status, raw, inflater
        if self._waiter is not None:
            self._wake()

    def took(self, piece: bytes) -> None:
        take = self._take
        if take is None:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > HIGH and self.source is not None and not self.source.paused:
                self.source.pause()
            if self._waiter is not None:
                self._wake()
            return
        self._heard_at = began = self._monotonic()
        more = take(piece)
        if self._waited is not None:
            self._waited.waited -= self._monotonic() - began
        if not more:
            self._take = None
            self._wake()

    def ended(self) -> None:
        self._whole = True
        self.source = None
        self._end_upload()
        if self._waiter is not None:
            self._wake()

    def failed(self, error: Exception) -> None:
        self._error = error
        self.source = None
        self._end_upload()
        self._wake()

    def cut(self, error: GatewayError) -> None:
        """The body ended before its end: with its request, the connection is of no more use."""
        if self.source is not None:
            self._give_up(error)

    def again(self) -> None:
        """The same request is going to be sent once more."""
        self._error = None
        self._first_byte_at = _NEVER

    def expire(self) -> None:
        """Called by the sweeper: what is waited for has not come in time."""
        if self._waiter is None:
            return  # it has, just now
        if self._take is not None:
            self._limit(self._loop.time() - (self._monotonic() - self._heard_at))
            if self.deadline > self._loop.time():  # pieces have come meanwhile
                self._sweeper.watch(self)
                return
        self._give_up(failures.late(self._phase))

    # What the transport and the reader do.

    async def head(self) -> None:
        """Returns once the answer's head is here; NotActedOn, or an UpstreamError, where none comes."""
        if not self.status and self._error is None:
            try:
                await self._waiting()
            except BaseException:
                self._give_up(failures.broke())
                raise
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # by its traceback it would hold itself, and the request

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        if self._whole and self._inflater is None and 0 < self._size <= limit:
            self._closed = True
            return self._taken()  # as most are by the time that somebody reads them
        pieces = []
        size = 0
        while (piece := await self._following()) is not None:
            size += len(piece)
            if size > limit:
                await self.aclose()
                raise failures.too_large()
            pieces.append(piece)
        self._closed = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._following()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def _following(self) -> bytes | None:
        """The next piece, None at the end."""
        try:
            while (piece := self._next()) == b"":
                await self._waiting()
            return piece
        except BaseException:
            self._give_up(failures.broke())
            raise

    async def flow(self, take: Callable[[bytes], bool]) -> None:
        if self._inflater is not None or self._pieces:
            return
        self._take, self._begun, self._heard_at = take, True, self._monotonic()
        try:
            while self._take is not None and self._error is None and not (self._whole or self._closed):
                await self._waiting()
        except BaseException:
            self._give_up(failures.broke())
            raise
        finally:
            self._take = None

    async def aclose(self) -> None:
        """A connection that was read to its end is back in the pool by now; any other is dropped at once."""
        self._pieces.clear()
        self._inflater = None
        if not self._whole or self._error is not None:
            self._give_up(failures.broke())
        self._closed, self._error = True, None  # an error that was raised holds this, by its traceback

    def _next(self) -> bytes | None:
        """What has come since the last look, in one piece; b"" where it must be waited for, None at the end."""
        if self._inflater is not None and (piece := self._inflater.take()):
            return piece
        if self._pieces:
            piece = self._taken()
            if self._inflater is None:
                return piece
            self._inflater.feed(piece)
            return self._next()
        if self._error is not None:
            raise self._error
        if self._closed:
            raise failures.broke()
        if not self._whole:
            return b""
        if self._inflater is not None:
            self._inflater.end()
        return None

    def _taken(self) -> bytes:
        if self._loop.time() > self.total_at:
            raise failures.late("total")
        pieces = self._pieces
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._size = 0
        self._begun = True
        if self.source is not None and self.source.paused:
            self.source.resume()
        return piece

    def _waiting(self) -> asyncio.Future[None]:
        """Done once the wire tells something, or the limit of this phase has passed. Who waits for it and is
        cancelled gives up."""
        self._waiter = waiter = self._loop.create_future()
        self._limit(self._loop.time())
        self._sweeper.watch(self)
        self._waits_since = self._monotonic()
        return waiter

    def _limit(self, since: float) -> None:
        """`since`: when the last piece came, or the waiting for the next one began."""
        begun = self._begun
        at = since + self._timeouts.idle if begun else self._first_byte_at
        if at < self.total_at:
            self.deadline, self._phase = at, "idle" if begun else "first_byte"
        else:
            self.deadline, self._phase = self.total_at, "total"

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waited_for(waiter)
            if not waiter.done():
                waiter.set_result(None)

    def _waited_for(self, waiter: asyncio.Future[None]) -> None:
        self._waiter = None
        self._sweeper.forget(self)
        if self._waited is not None:
            self._waited.waited += self._monotonic() - self._waits_since

    def _end_upload(self) -> None:
        if self.upload is not None:
            self.upload.cancel()

    def _give_up(self, error: GatewayError) -> None:
        """Drops the connection where the answer is not whole. What is not read yet is not given any more."""
        source, self.source = self.source, None
        if source is not None:
            source.abort()
        self._end_upload()
        if self._error is None:
            self._error = error
        self._wake()
