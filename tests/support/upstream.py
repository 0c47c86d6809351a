"""FakeUpstream: a scripted provider, a real server on loopback, that speaks every dialect and can do wrong.

    async with FakeUpstream() as upstream:                      # or: with FakeUpstream.in_thread() as upstream:
        upstream.script(faults.server_error(), text("Hello"))   # used once each, in order; then `upstream.default`
        ...                                                     # call upstream.url + "/v1/chat/completions"
        assert upstream.requests[0].json["model"] == "m"

Behaviours are in `upstream_behaviours` (right answers) and `upstream_faults`. The script serves every request but
GET /v1/models; what a provider would refuse (key, version, unknown model, a body against the dialect's rules) is
refused before it and uses nothing up. `time_scale` multiplies every delay of a behaviour.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from tests.support import upstream_checks as checks
from tests.support import upstream_surfaces as surfaces
from tests.support.upstream_behaviours import Behaviour, model_list, reply
from tests.support.upstream_default import echo
from tests.support.upstream_faults import refuse
from tests.support.upstream_gemini import VERBS
from tests.support.upstream_tls import authority
from tests.support.upstream_wire import GEMINI, Connection, Exchange, Received, read_request

if TYPE_CHECKING:
    from tests.support.upstream_thread import ThreadedUpstream

PATHS = {
    "/v1/chat/completions": "POST",
    "/openai/deployments/served/chat/completions": "POST",
    "/v1/messages": "POST",
    "/v1/models": "GET",
}
DEFAULT_MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5")


def _method_of(path: str) -> str | None:
    gemini = GEMINI.fullmatch(path)
    return ("POST" if gemini["verb"] in VERBS else None) if gemini is not None else PATHS.get(path)


class FakeUpstream:
    """`keys`: those accepted, None for no check. `models`: the model ids that exist, None for any. `strict`: check
    bodies as a provider would. `requests` grows as requests arrive; `default` may be set at any time."""

    def __init__(
        self,
        *,
        tls: bool = False,
        time_scale: float = 1.0,
        keys: Collection[str] | None = frozenset({"sk-test"}),
        models: Collection[str] | None = None,
        strict: bool = True,
        host: str = "127.0.0.1",
    ) -> None:
        self.keys, self.models, self.strict = keys, models, strict
        self.time_scale = time_scale
        self.default: Behaviour | None = None
        self.requests: list[Received] = []
        self.open_connections = 0
        self.total_connections = 0
        self.disconnects = 0
        self.defects: list[BaseException] = []
        self.ca_path: str | None = authority().ca_path if tls else None
        self.port = 0
        self._host, self._tls = host, tls
        self._script: deque[Behaviour] = deque()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @staticmethod
    def in_thread(**options: object) -> ThreadedUpstream:
        """The same server in a thread with its own loop, for tests that block: `with FakeUpstream.in_thread() as u`."""
        from tests.support.upstream_thread import ThreadedUpstream

        return ThreadedUpstream(options)

    @property
    def url(self) -> str:
        """http(s)://127.0.0.1:port, no path, no trailing slash."""
        return self.url_for(f"[{self._host}]" if ":" in self._host else self._host)

    def url_for(self, host: str) -> str:
        """The same server under another name, e.g. "localhost"."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def script(self, *behaviours: Behaviour) -> None:
        """Queue behaviours: one for each request from here on."""
        self._script.extend(behaviours)

    @property
    def unused(self) -> int:
        """How many scripted behaviours no request has come for."""
        return len(self._script)

    def release(self) -> None:
        """Let answers that are held (`held`, `held_stream`) go on, now and later."""
        self._release.set()

    async def wait_request(self, count: int = 1, seconds: float = 5.0) -> Received:
        """The `count`-th request, as soon as it is here."""
        await self.wait_until(lambda: len(self.requests) >= count, seconds)
        return self.requests[count - 1]

    async def wait_disconnect(self, count: int = 1, seconds: float = 5.0) -> None:
        """Until `count` peers have gone while their answer was under way."""
        await self.wait_until(lambda: self.disconnects >= count, seconds)

    async def wait_until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Until the condition holds; it is looked at after every change of this server. TimeoutError otherwise."""
        async with asyncio.timeout(seconds):
            while not condition():
                await self._changed.wait()

    async def __aenter__(self) -> FakeUpstream:
        loop = asyncio.get_running_loop()
        self._changed, self._release = asyncio.Event(), asyncio.Event()
        context = authority().server_context() if self._tls else None
        self._server = await loop.create_server(lambda: self._accept(loop), self._host, 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.defects and not any(exc):
            raise self.defects[0]  # a behaviour that failed by itself must not pass for a fault that was asked for

    def _touch(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _accept(self, loop: asyncio.AbstractEventLoop) -> Connection:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = loop.create_task(self._serve(reader, writer, connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        connection = Connection(connected, loop)
        return connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Connection) -> None:
        self.open_connections += 1
        self.total_connections += 1
        connection = self.total_connections
        self._touch()
        try:
            while request := await read_request(reader, number=len(self.requests) + 1, connection=connection):
                exchange = Exchange(request, writer, time_scale=self.time_scale, release=self._release)
                self.requests.append(request)
                self._touch()
                if not await self._answer(exchange, peer):
                    break
        finally:
            self.open_connections -= 1
            self._touch()
            writer.close()

    async def _answer(self, exchange: Exchange, peer: Connection) -> bool:
        """Whether the connection is kept. A peer that leaves ends the behaviour at once."""
        behaviour = asyncio.ensure_future(self._behaviour(exchange.request)(exchange))
        gone = asyncio.ensure_future(peer.gone.wait())
        try:
            await asyncio.wait({behaviour, gone}, return_when=asyncio.FIRST_COMPLETED)
            error = behaviour.exception() if behaviour.done() else None
            if error is not None and not isinstance(error, ConnectionError):
                self.defects.append(error)
            if not exchange.finished and not exchange.closed:
                self.disconnects += 1
                self._touch()
        finally:
            behaviour.cancel()
            gone.cancel()
        return exchange.finished and exchange.keep_alive and not exchange.closed

    def _behaviour(self, request: Received) -> Behaviour:
        refusal = checks.check_key(request, self.keys)
        listing = request.path == "/v1/models" and request.method == "GET"
        if refusal is None and self.strict and _method_of(request.path) == "POST" == request.method:
            refusal = checks.check_body(request, self.models)
        if refusal is not None:
            return refuse(refusal.status, refusal.message, code=refusal.code)
        if listing:
            return model_list(DEFAULT_MODELS if self.models is None else self.models)
        if self._script:
            return self._script.popleft()
        if self.default is not None:
            return self.default
        if (surface := surfaces.default(request)) is not None:
            return surface
        if _method_of(request.path) != request.method:
            return refuse(404, f"Invalid URL ({request.method} {request.path})", code="unknown_url")
        return reply(echo(request))
