"""Asynchronous code for synchronous callers: one loop, in one thread of the process, for all clients.

It is started on first use, and again after a fork. As it is a loop of its own, callers may themselves be inside a
running loop (a notebook, an asynchronous view): they only block their own thread.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class _Own:
    """The loop of one process; a fork makes a new one, as threads and loops do not survive it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="llm-gateway-client", daemon=True).start()
            return self._loop


_own = _Own()


def loop() -> asyncio.AbstractEventLoop:
    """This process's."""
    global _own
    if _own.pid != os.getpid():
        _own = _Own()
    return _own.loop()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Its result; blocks the calling thread. An interrupt of that thread cancels the coroutine.

    RuntimeError on the loop's own thread, which would wait for itself for ever.
    """
    found = loop()
    if _on(found):
        coroutine.close()
        raise RuntimeError("A *_sync method was called inside the client's own loop: await the method without _sync.")
    future = asyncio.run_coroutine_threadsafe(coroutine, found)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def iterate(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """The items, each asked for when it is wanted. Leaving the iteration early closes `items`."""
    try:
        while True:
            try:
                item = run(_next(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        _close(items)


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


def _close(items: AsyncGenerator[T, None]) -> None:
    if sys.is_finalizing():  # the loop's thread is gone with the program: nothing would answer
        return
    found = loop()
    if _on(found):  # an iterator that was dropped, and is collected on the loop's own thread
        found.create_task(_aclose(items))
    else:
        run(_aclose(items))


async def _aclose(items: AsyncGenerator[T, None]) -> None:
    await items.aclose()


def _on(found: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is found
    except RuntimeError:
        return False
