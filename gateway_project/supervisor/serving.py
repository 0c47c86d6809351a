"""uvicorn on a socket that is open already, with a drain that ends every call in a way its caller understands."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from gateway_project.front import Front
from gateway_project.supervisor.process import GRACE_SECONDS
from gateway_project.supervisor.protocol import Protocol

ORPHAN_DRAIN_SECONDS = 3.0
LAST_WORDS_SECONDS = 2.0
COLLECT_AT = (20_000, 20, 20)


class Server(uvicorn.Server):
    """SIGTERM: /ready fails; a second later the port closes; calls under way have `drain_seconds` in all; what runs
    then is cancelled, which its door tells in-band. `orphaned`: the port closes at once and the drain is short, for a
    new gateway waits."""

    def __init__(self, front: Front, *, drain_seconds: float, orphaned: Callable[[], bool]) -> None:
        super().__init__(_config(front, drain_seconds))
        self._front = front
        self._drain_seconds = drain_seconds
        self._orphaned = orphaned

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._front.draining = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        orphaned = self._orphaned()
        left = min(self._drain_seconds, ORPHAN_DRAIN_SECONDS) if orphaned else self._drain_seconds
        grace = 0 if orphaned else min(GRACE_SECONDS, left)
        await asyncio.sleep(grace)
        ending = asyncio.get_running_loop().call_later(left - grace, self._end_calls)
        await super().shutdown(sockets)
        ending.cancel()

    def _end_calls(self) -> None:
        loop = asyncio.get_running_loop()
        for task in list(self.server_state.tasks):
            loop.call_soon(task.cancel)  # in its turn: what has not begun could not end


def serve(front: Front, listener: socket.socket, *, drain_seconds: float, orphaned: Callable[[], bool]) -> None:
    """Returns when the process was told to stop and all calls have ended."""
    gc.freeze()
    # A finished call leaves no ring behind, so a collection finds what failed calls left; the first of these numbers is
    # more than hundreds of calls under way hold.
    gc.set_threshold(*COLLECT_AT)
    server = Server(front, drain_seconds=drain_seconds, orphaned=orphaned)
    server.run(sockets=[listener])


def _config(front: Front, drain_seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        front,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        # The last resort: our own end of the calls comes before it.
        timeout_graceful_shutdown=int(drain_seconds + LAST_WORDS_SECONDS),
        timeout_keep_alive=75,
    )
