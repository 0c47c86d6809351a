"""uvicorn in a test's own loop, without its pauses: it stops when it is told to, not at the next tick."""

from __future__ import annotations

import asyncio
import socket

import uvicorn

from tests.support.raw_peer import until


class PromptServer(uvicorn.Server):
    """`up` is set once it serves; set `stop` to end it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up, self.stop = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)  # the header `date`
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's own steps; it would sleep for a tenth of a second, and as long between its looks."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        await until(lambda: not state.connections and not state.tasks, seconds=10)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()
