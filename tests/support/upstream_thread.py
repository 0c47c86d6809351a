"""The fake upstream in a thread of its own, for tests that block their own thread (sync SDKs, Django, Celery)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import Behaviour
from tests.support.upstream_wire import Received

Result = TypeVar("Result")


class ThreadedUpstream:
    """FakeUpstream's names, blocking. `server` is the server itself, for what is not repeated here (read it only)."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.server = FakeUpstream(**options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-upstream", daemon=True)

    def __enter__(self) -> ThreadedUpstream:
        self._thread.start()
        self._run(self.server.__aenter__())
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._run(self.server.__aexit__(*exc))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def ca_path(self) -> str | None:
        return self.server.ca_path

    @property
    def requests(self) -> list[Received]:
        return self.server.requests

    @property
    def default(self) -> Behaviour | None:
        return self.server.default

    @default.setter
    def default(self, behaviour: Behaviour | None) -> None:
        self.server.default = behaviour

    @property
    def disconnects(self) -> int:
        return self.server.disconnects

    @property
    def open_connections(self) -> int:
        return self.server.open_connections

    def url_for(self, host: str) -> str:
        return self.server.url_for(host)

    def script(self, *behaviours: Behaviour) -> None:
        self.server.script(*behaviours)

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self.server.release)

    def wait_request(self, count: int = 1, seconds: float = 5.0) -> Received:
        return self._run(self.server.wait_request(count, seconds))

    def wait_disconnect(self, count: int = 1, seconds: float = 5.0) -> None:
        self._run(self.server.wait_disconnect(count, seconds))

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
