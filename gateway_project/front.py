"""The ASGI application of a process that serves the port: calls go to the data plane, every other path to `rest`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from gateway_project import wiring
from llm import service, sync
from llm.http.app import App, owns
from llm.http.exchange import Exchange

FIRST_LOAD_SECONDS = 5.0
Direct = Callable[[Exchange], Coroutine[Any, Any, None]]
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Front:
    """`ingest`: is the spool emptied here? `close` ends what `rest` holds. The runtime starts with the server's
    lifespan, or with the first request where a server has none. `draining` is set by a server that goes down: /ready
    fails from then on."""

    def __init__(self, rest: Application, *, ingest: bool, close: Callable[[], Awaitable[None]] | None = None) -> None:
        self.draining = False
        self._close = close
        self._rest = rest
        self._ingest = ingest
        self._calls: App | None = None
        self.direct: Direct = self._first
        """See `App.direct`: once the runtime has started, it is that itself."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        calls = self._calls or self._begin()  # for a page too: from one a provider may be tested
        if scope["type"] == "http" and owns(scope["path"]):
            await calls(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    def _first(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        return (self._calls or self._begin()).direct(exchange)

    def _begin(self) -> App:
        sync.adopt(asyncio.get_running_loop())
        # On the loop nothing waits for the first configuration: until it is there, calls are answered with 503.
        wiring.install(lambda: wiring.runtime().gateway, ingest=self._ingest)
        current = wiring.runtime()
        self._calls = calls = App(service.current, readiness=self._not_ready, modes=current.modes)
        self.direct = calls.direct
        return calls

    def _not_ready(self) -> list[str]:
        return [*(["draining"] if self.draining else []), *wiring.runtime().readiness()]

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._begin()
                # Not for ever: while the database is away, /health and /ready must answer.
                await asyncio.to_thread(wiring.runtime().watch.wait_loaded, FIRST_LOAD_SECONDS)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._end()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _end(self) -> None:
        current = wiring.runtime()
        if self._close is not None:
            await self._close()
        await current.gateway.aclose()
        await asyncio.to_thread(current.stop)
        wiring.forget_runtime()
        self._calls, self.direct = None, self._first
