"""The only bridge to the data plane's asynchronous code: `run(coroutine)` from synchronous code, `across(coroutine)`
from any other loop.

In a server the server's own loop is adopted; elsewhere one loop thread is started per process, on first use and again
after a fork. All calls of a process share that loop, and so its connections.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from llm.errors import GatewayUnavailable

T = TypeVar("T")


class _Bridge:
    """The state of one process. A fork makes a new one: loops and threads do not survive it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.adopted: asyncio.AbstractEventLoop | None = None
        self.own: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        adopted = self.adopted
        if adopted is not None and adopted.is_running():
            return adopted
        with self.lock:
            if self.own is None or not self.own.is_running():
                self.own = _start_loop()
            return self.own


_bridge = _Bridge()


def adopt(loop: asyncio.AbstractEventLoop | None) -> None:
    """From now on `run` uses this running loop (the server's). None, or a loop that has stopped: the own one again."""
    _current().adopted = loop


def run(coroutine: Coroutine[object, object, T], *, timeout: float | None = None) -> T:
    """Runs the coroutine on the process's loop and gives its result or raises its error; blocks the calling thread.

    `timeout` in seconds: the coroutine is cancelled, its clean-up awaited, and TimeoutError raised. An interrupt of the
    waiting thread cancels the coroutine too. Raises RuntimeError at once on the loop's own thread, which would wait for
    itself for ever.
    """
    loop = _current().loop()
    if _running_here() is loop:
        coroutine.close()
        raise RuntimeError("llm.sync.run was called on its own loop's thread: await the coroutine there instead.")
    future = asyncio.run_coroutine_threadsafe(_bounded(coroutine, seconds=timeout), loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def across(coroutine: Coroutine[Any, Any, T]) -> T:
    """The same for code that runs on whatever loop: awaits the coroutine, which runs on the process's. Cancelling the
    awaiting task cancels it. GatewayUnavailable where the process's loop ends meanwhile."""
    loop = _current().loop()
    if _running_here() is loop:
        return await coroutine
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise GatewayUnavailable("The gateway is going down.", retry_after=1) from None


def refuse_own_loop() -> None:
    """RuntimeError where the caller runs on the process's loop, which must not wait for itself."""
    if _running_here() is _current().loop():
        raise RuntimeError("A call that blocks was made on the gateway's own loop: await it there instead.")


def _current() -> _Bridge:
    global _bridge
    if _bridge.pid != os.getpid():
        _bridge = _Bridge()
    return _bridge


def _running_here() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _bounded(coroutine: Coroutine[object, object, T], *, seconds: float | None) -> T:
    async with asyncio.timeout(seconds):
        return await coroutine


def _start_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    started = threading.Event()
    loop.call_soon(started.set)
    threading.Thread(target=loop.run_forever, name="llm-loop", daemon=True).start()
    started.wait()
    return loop
