"""One process for any ASGI server: /v1/*, /generate, /health, /ready go to the data plane's application before
Django sees them; all else goes to Django."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
_django = get_asgi_application()

# These need Django's settings and apps, so they come after it is set up.
from gateway_project import wiring  # noqa: E402  # reason: see above
from llm import service, sync  # noqa: E402  # reason: see above
from llm.http.app import App, owns  # noqa: E402  # reason: see above

FIRST_LOAD_SECONDS = 5.0


class Application:
    """Dispatches by path. The runtime starts with the server's lifespan, or with the first call where a server has
    none."""

    def __init__(self) -> None:
        self._calls: App | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and owns(scope["path"]):
            await self._data_plane()(scope, receive, send)
        else:
            await _django(scope, receive, send)

    def _data_plane(self) -> App:
        if self._calls is None:
            sync.adopt(asyncio.get_running_loop())
            current = wiring.runtime()
            # On the loop nothing waits for the first configuration: until it is there, calls are answered with 503.
            wiring.install(lambda: wiring.runtime().gateway)
            self._calls = App(service.current, readiness=current.readiness, modes=current.modes)
        return self._calls

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._data_plane()
                # Not for ever: while the database is away, /health and /ready must answer.
                await asyncio.to_thread(wiring.runtime().watch.wait_loaded, FIRST_LOAD_SECONDS)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _shutdown(self) -> None:
        current = wiring.runtime()
        await current.gateway.aclose()
        await asyncio.to_thread(current.stop)
        wiring.forget_runtime()
        self._calls = None


application = Application()
