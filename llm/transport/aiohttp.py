"""AiohttpTransport: the first implementation of Transport, over aiohttp's client."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, AbstractStreamWriter
from aiohttp.http import StreamWriter
from yarl import URL

from llm.errors import GatewayError, UpstreamError
from llm.spec import Connection, Timeouts
from llm.transport import bypass, failures
from llm.transport.base import Answer, Outbound, Stream, Transport
from llm.transport.failures import Phase, late
from llm.transport.foreign import StaleConnection, mapped
from llm.transport.pool import KEPT_SESSIONS, Pool, open_session
from llm.transport.url import judged


class AiohttpTransport(Transport):
    """One for a process and its loop: sessions are made on first use, within the running loop.

    TLS is verified, redirects are not followed, cookies and the environment's proxies are ignored (but not
    NO_PROXY: see `bypass`), answers are decompressed. `resolver` replaces the system's name resolution (tests).
    """

    def __init__(self, *, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver
        self._pools: dict[Connection, Pool] = {}
        self._closed = False

    async def send(self, outbound: Outbound) -> AiohttpAnswer:
        """The answer once its head is here, whatever its status."""
        clock = _Clock(outbound.timeouts)
        url = judged(outbound.url, outbound.connection.allow_private)
        connection = bypass.heeded(outbound.connection, url.raw_host or "", url.port or 0)
        with mapped:
            pool = self._pools.get(connection) or self._open(connection)
        pool.busy += 1
        try:
            if len(self._pools) > KEPT_SESSIONS:
                await self._close_idle()
            response = await _exchange(pool.session, outbound, url, clock)
        except BaseException:
            pool.busy -= 1
            raise
        return AiohttpAnswer(response, clock, pool)

    async def aclose(self) -> None:
        """Ends all connections; answers under way break."""
        self._closed = True
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.session.close()

    def _open(self, connection: Connection) -> Pool:
        if self._closed:
            raise failures.going_down()
        pool = self._pools[connection] = Pool(open_session(connection, self._resolver))
        return pool

    async def _close_idle(self) -> None:
        """Forget the sessions that no answer uses."""
        idle = {connection: pool for connection, pool in self._pools.items() if pool.busy == 0}
        for connection in idle:
            del self._pools[connection]
        for pool in idle.values():
            await pool.session.close()


class _Clock:
    """The deadlines of one attempt, in the loop's time. Starts when it is made. `failure`: what a body that is sent
    while it comes has ended in."""

    __slots__ = ("failure", "first_byte_at", "loop", "scope", "timeouts", "total_at")

    def __init__(self, timeouts: Timeouts) -> None:
        self.loop = asyncio.get_running_loop()
        self.timeouts = timeouts
        self.total_at = self.loop.time() + timeouts.total
        self.first_byte_at = float("inf")
        self.scope: asyncio.Timeout | None = None
        self.failure: GatewayError | None = None

    def sent(self, delay: float = 0.0) -> None:
        """The request's last byte is written, or will be in `delay` seconds: from then on the answer may be late."""
        self.first_byte_at = self.loop.time() + delay + self.timeouts.first_byte
        if self.scope is not None and not self.scope.expired():
            self.scope.reschedule(min(self.first_byte_at, self.total_at))

    def next_deadline(self, *, begun: bool) -> tuple[float, Phase]:
        """When the next piece of a body must be here, and which limit that is."""
        at = self.loop.time() + self.timeouts.idle if begun else self.first_byte_at
        if at >= self.total_at:
            return self.total_at, "total"
        return at, "idle" if begun else "first_byte"


class _Body(aiohttp.Payload):
    """The request's bytes; tells the clock when they are written."""

    def __init__(self, body: bytes, clock: _Clock) -> None:
        super().__init__(body)
        self._size = len(body)
        self._clock = clock

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        await writer.write(self._value)
        self._clock.sent()

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)


class _Upload(aiohttp.Payload):
    """A body that is sent while it comes. Unless it is sent to its end its connection is dropped at once."""

    def __init__(self, stream: Stream, clock: _Clock) -> None:
        super().__init__(stream)
        self._size = stream.length
        self._clock = clock

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("There is no text of a stream.")

    async def write(self, writer: AbstractStreamWriter) -> None:
        whole = False
        try:
            async for piece in self._value:
                await writer.write(piece)
            whole = True
            self._clock.sent()
        except GatewayError as error:
            self._clock.failure = error
            raise
        finally:
            if not whole and isinstance(writer, StreamWriter) and writer.transport is not None:
                writer.transport.abort()  # not close(): that would wait for what is still to be written

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)


async def _exchange(
    session: aiohttp.ClientSession, outbound: Outbound, url: URL, clock: _Clock
) -> aiohttp.ClientResponse:
    try:
        async with asyncio.timeout_at(clock.total_at) as clock.scope:
            while True:
                try:
                    with mapped:
                        return await _request(session, outbound, url, clock)
                except StaleConnection:
                    continue  # each turn closes one dead kept connection, so this ends
                except UpstreamError as error:
                    raise clock.failure or error
    except TimeoutError as error:
        raise late("first_byte" if clock.first_byte_at < clock.total_at else "total") from error
    finally:
        clock.scope = None


async def _request(
    session: aiohttp.ClientSession, outbound: Outbound, url: URL, clock: _Clock
) -> aiohttp.ClientResponse:
    if not outbound.body:
        clock.sent(outbound.timeouts.connect)  # nothing will tell when it is written: allow for dialling
    return await session.request(
        outbound.method,
        url,
        data=_payload(outbound.body, clock),
        headers=outbound.headers,
        allow_redirects=False,
        timeout=_connect_limit(outbound.timeouts.connect),
    )


def _payload(body: bytes | Stream, clock: _Clock) -> aiohttp.Payload | None:
    if isinstance(body, bytes):
        return _Body(body, clock) if body else None
    return _Upload(body, clock)


class AiohttpAnswer(Answer):
    """See `llm.transport.base.Answer`."""

    def __init__(self, response: aiohttp.ClientResponse, clock: _Clock, pool: Pool) -> None:
        self.status = response.status
        self._response = response
        self._clock = clock
        self._pool: Pool | None = pool

    @functools.cached_property
    def headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        pieces = []
        size = 0
        try:
            async for piece in self.chunks():
                size += len(piece)
                if size > limit:
                    raise failures.too_large()
                pieces.append(piece)
        finally:
            await self.aclose()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        content = self._response.content
        begun = finished = False
        try:
            while True:
                with mapped:
                    piece = content.read_nowait()
                if not piece:
                    if content.at_eof():
                        break
                    piece = await self._wait(begun=begun)
                elif self._clock.loop.time() > self._clock.total_at:
                    raise late("total")
                if piece:
                    begun = True
                    yield piece
            finished = True
        finally:
            if not finished:
                await self.aclose()

    async def _wait(self, *, begun: bool) -> bytes:
        deadline, phase = self._clock.next_deadline(begun=begun)
        try:
            async with asyncio.timeout_at(deadline):
                with mapped:
                    return await self._response.content.readany()
        except TimeoutError as error:
            raise late(phase) from error
        except UpstreamError as error:
            raise self._clock.failure or error

    async def flow(self, take: Callable[[bytes], bool]) -> None:
        """aiohttp's pieces are only given to who waits for them."""

    async def aclose(self) -> None:
        """A connection that was read to its end is back in the pool by now; any other is dropped at once."""
        if self._pool is None:
            return
        self._pool.busy -= 1
        self._pool = None
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()  # not close(): that would wait for what is still to be written
        self._response.close()


@functools.lru_cache(maxsize=64)
def _connect_limit(seconds: float) -> aiohttp.ClientTimeout:
    """Waiting for a free connection, resolving, dialling, TLS. The other limits are ours."""
    return aiohttp.ClientTimeout(total=None, connect=seconds)
