"""LeanTransport: see the package."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from llm.spec import Connection
from llm.transport import bypass, failures
from llm.transport.base import Outbound, SelfMetering, Waited
from llm.transport.lean import upload
from llm.transport.lean.destination import Destination, destination, proxy
from llm.transport.lean.dial import Resolve, dial, system_resolve
from llm.transport.lean.exchange import Exchange, NotActedOn
from llm.transport.lean.head import Heads
from llm.transport.lean.host import Host
from llm.transport.lean.sweeper import Sweeper
from llm.transport.lean.wire import Wire

KEPT_HOSTS: Final = 64
"""Hosts beyond this many keep no idle connections: configurations come and go."""

KEPT_WAYS: Final = 512
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(slots=True)
class _Way:
    """What calls to one target have in common. `headers` and `given` are those of their `Outbound`, kept so that their
    ids stay theirs; `connection` is how the host is really dialled, `head` lacks the length of the body."""

    headers: Mapping[str, str]
    given: Connection
    to: Destination
    connection: Connection
    head: bytes
    host: Host | None = None


class LeanTransport(SelfMetering):
    """One for a process and its loop: made anywhere, used within one running loop.

    TLS is verified, redirects are not followed, there are no cookies, answers are decompressed. Of the environment
    only NO_PROXY is read: for these hosts an operator's proxy is not used. `resolve` replaces the system's name
    resolution (tests).
    """

    def __init__(self, *, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._hosts: dict[tuple[object, ...], Host] = {}
        self._heads = Heads()
        self._ways: dict[tuple[str, str, int, int], _Way] = {}
        self._obtaining: set[asyncio.Timeout] = set()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: Sweeper | None = None

    def metered(
        self, outbound: Outbound, waited: Waited, monotonic: Callable[[], float]
    ) -> Coroutine[Any, Any, Exchange]:
        return self.send(outbound, waited, monotonic)

    async def send(
        self, outbound: Outbound, waited: Waited | None = None, monotonic: Callable[[], float] = perf_counter
    ) -> Exchange:
        """The answer once its head is here, whatever its status. `waited`: see `metered`."""
        if self._sweeper is None or self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._sweeper = Sweeper(self._loop, self._keep_house)
        exchange = Exchange(self._loop, self._sweeper, outbound.timeouts, waited, monotonic)
        way = self._way(outbound)
        body = outbound.body
        head = way.head + _framing(outbound)
        again = False
        while True:
            host = way.host if way.host is not None and way.host.listed else self._host(way)
            wire = host.spare(self._loop.time())
            if wire is None:
                began = monotonic()
                try:
                    wire = await self._obtained(host, outbound.timeouts.connect, exchange.total_at)
                finally:
                    if waited is not None:
                        waited.waited += monotonic() - began
            if isinstance(body, bytes):
                wire.start(exchange, head, body)
            else:
                wire.start(exchange, head, b"", uploading=True)
                upload.begin(self._loop, wire, exchange, body)
            try:
                await exchange.head()
            except NotActedOn as error:
                if again:
                    raise failures.broke() from error
                again = True
                exchange.again()
                continue
            return exchange

    async def aclose(self) -> None:
        """Ends all connections; answers under way break."""
        self._closed = True
        for scope in self._obtaining:
            if not scope.expired():
                scope.reschedule(0.0)  # the loop's time is past that: nobody waits any longer
        hosts, self._hosts = self._hosts, {}
        self._ways.clear()
        for host in hosts.values():
            host.listed = False
            host.close()
        if self._sweeper is not None:
            self._sweeper.stop()

    def _way(self, outbound: Outbound) -> _Way:
        """Made once for a target; for one with a proxy anew each time, as NO_PROXY may change."""
        key = (outbound.method, outbound.url, id(outbound.headers), id(outbound.connection))
        found = self._ways.get(key)
        if found is None:
            to = destination(outbound.url, outbound.connection.allow_private)
            connection = bypass.heeded(outbound.connection, to.host, to.port)
            found = _Way(outbound.headers, outbound.connection, to, connection, self._head(outbound, to, connection))
            if outbound.connection.proxy is None:
                if len(self._ways) >= KEPT_WAYS:
                    del self._ways[next(iter(self._ways))]
                self._ways[key] = found
        return found

    def _host(self, way: _Way) -> Host:
        to = way.to
        way.host = self._hosts.get((way.connection, to.tls, to.host, to.port)) or self._open(way.connection, to)
        return way.host

    def _head(self, outbound: Outbound, to: Destination, connection: Connection) -> bytes:
        headers, target = outbound.headers, to.target
        if connection.proxy is not None and not to.tls:
            target = to.absolute
            if authorization := proxy(connection.proxy).authorization:
                headers = {**headers, "proxy-authorization": authorization}
        return self._heads.head(outbound.method, target, to.authority, headers)

    async def _obtained(self, host: Host, limit: float, total_at: float) -> Wire:
        """UpstreamTimeout where neither the queue nor the provider is quick enough."""
        assert self._loop is not None
        late_at = self._loop.time() + limit
        scope = asyncio.timeout_at(min(late_at, total_at))
        self._obtaining.add(scope)
        try:
            async with scope:
                return await host.obtain()
        except TimeoutError as error:
            if self._closed:
                raise failures.going_down() from error
            raise failures.late("connect" if late_at < total_at else "total") from error
        finally:
            self._obtaining.discard(scope)

    def _open(self, connection: Connection, to: Destination) -> Host:
        if self._closed:
            raise failures.going_down()
        assert self._loop is not None and self._sweeper is not None
        if len(self._hosts) >= KEPT_HOSTS:
            self._forget_idle()
        dialling = functools.partial(dial, to, connection, self._resolve)
        made = Host(self._loop, dialling, connection.max_connections, self._sweeper.wake)
        self._hosts[(connection, to.tls, to.host, to.port)] = made
        return made

    def _forget_idle(self) -> None:
        for key, host in [(key, host) for key, host in self._hosts.items() if not host.busy]:
            del self._hosts[key]
            host.listed = False
            host.close()

    def _keep_house(self, now: float) -> bool:
        """Closes connections that were idle for too long; are there any left?"""
        left = False
        for key, host in list(self._hosts.items()):
            if host.idle:
                host.expire(now)
            left = left or bool(host.idle)
            if host.open == 0 and not host.busy:
                del self._hosts[key]
                host.listed = False
        return left


def _framing(outbound: Outbound) -> bytes:
    """The end of a head."""
    body = outbound.body
    length = len(body) if isinstance(body, bytes) else body.length
    if length is None:
        return b"transfer-encoding: chunked\r\n\r\n"
    if not length and outbound.method in _BODILESS:
        return b"\r\n"
    return b"content-length: %d\r\n\r\n" % length
