"""One HTTP client for each event loop: a connection belongs to the loop that opened it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

import httpx2

_Clients = dict[asyncio.AbstractEventLoop, httpx2.AsyncClient]


class Connections:
    """`connect` makes a client. After a fork the parent's are left alone: their sockets are its own."""

    def __init__(self, connect: Callable[[], httpx2.AsyncClient]) -> None:
        self._connect = connect
        self._of_parents: list[_Clients] = []  # kept, so that nothing of theirs is closed by being collected
        self._clients: _Clients = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def client(self) -> httpx2.AsyncClient:
        """That of the running loop."""
        loop = asyncio.get_running_loop()
        self._after_fork()
        with self._lock:
            found = self._clients.get(loop)
            if found is None:
                for other in [one for one in self._clients if one.is_closed()]:
                    del self._clients[other]
                found = self._clients[loop] = self._connect()
            return found

    async def close(self) -> None:
        """All of them, each on its own loop. What belongs to a loop that does not run is let go of."""
        self._after_fork()
        with self._lock:
            clients, self._clients = self._clients, {}
        here = asyncio.get_running_loop()
        for loop, client in clients.items():
            if loop is here:
                await client.aclose()
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(client.aclose(), loop))

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            self._of_parents.append(self._clients)
            self._pid, self._lock, self._clients = os.getpid(), threading.Lock(), {}
