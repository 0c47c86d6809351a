"""LeanTransport: see the package."""

from __future__ import annotations

import asyncio
import functools
import os
from dataclasses import replace
from typing import Final
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # reason: typeshed leaves it out

from llm.spec import Connection
from llm.transport import failures
from llm.transport.base import Outbound, Stream, Transport
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


class LeanTransport(Transport):
    """One for a process and its loop: made anywhere, used within one running loop.

    TLS is verified, redirects are not followed, there are no cookies, answers are decompressed. Of the environment
    only NO_PROXY is read: for these hosts an operator's proxy is not used. `resolve` replaces the system's name
    resolution (tests).
    """

    def __init__(self, *, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._hosts: dict[tuple[object, ...], Host] = {}
        self._heads = Heads()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: Sweeper | None = None

    async def send(self, outbound: Outbound) -> Exchange:
        """The answer once its head is here, whatever its status."""
        if self._sweeper is None or self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._sweeper = Sweeper(self._loop, self._keep_house)
        exchange = Exchange(self._loop, self._sweeper, outbound.timeouts)
        connection = outbound.connection
        to = destination(outbound.url, connection.allow_private)
        if connection.proxy is not None and bypassed(to):
            connection = replace(connection, proxy=None)
        head = self._head(outbound, to, connection)
        host = self._hosts.get((connection, to.tls, to.host, to.port)) or self._open(connection, to)
        while True:
            wire = host.spare(self._loop.time())
            if wire is None:
                wire = await self._obtained(host, outbound.timeouts.connect, exchange.total_at)
            if isinstance(outbound.body, bytes):
                wire.start(exchange, head, outbound.body)
            else:
                wire.start(exchange, head, b"", uploading=True)
                upload.begin(self._loop, wire, exchange, outbound.body)
            try:
                await exchange.head()
            except NotActedOn:
                exchange.again()  # each turn ends one dead kept connection, so this ends
                continue
            return exchange

    async def aclose(self) -> None:
        """Ends all connections; answers under way break."""
        self._closed = True
        hosts, self._hosts = self._hosts, {}
        for host in hosts.values():
            host.close()
        if self._sweeper is not None:
            self._sweeper.stop()

    def _head(self, outbound: Outbound, to: Destination, connection: Connection) -> bytes:
        headers, target = outbound.headers, to.target
        if connection.proxy is not None and not to.tls:
            target = to.absolute
            if authorization := proxy(connection.proxy).authorization:
                headers = {**headers, "proxy-authorization": authorization}
        head = self._heads.head(outbound.method, target, to.authority, headers)
        return head + _framing(outbound.body)

    async def _obtained(self, host: Host, limit: float, total_at: float) -> Wire:
        """UpstreamTimeout where neither the queue nor the provider is quick enough."""
        assert self._loop is not None
        now = self._loop.time()
        try:
            async with asyncio.timeout_at(min(now + limit, total_at)):
                return await host.obtain(now)
        except TimeoutError as error:
            raise failures.late("connect" if now + limit < total_at else "total") from error

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
        return left


def _framing(body: bytes | Stream) -> bytes:
    """The end of a head."""
    length = len(body) if isinstance(body, bytes) else body.length
    if length is None:
        return b"transfer-encoding: chunked\r\n\r\n"
    return b"content-length: %d\r\n\r\n" % length if length or not isinstance(body, bytes) else b"\r\n"


def bypassed(to: Destination) -> bool:
    """Does NO_PROXY name this host?"""
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    return bool(named) and _bypassed(f"{to.host}:{to.port}", named or "")


@functools.lru_cache(maxsize=1024)
def _bypassed(host: str, named: str) -> bool:
    return bool(proxy_bypass_environment(host, {"no": named}))
