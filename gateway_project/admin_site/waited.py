"""Waits for the data plane in a generator of server-sent events, without losing sight of the browser."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TypeVar

from llm import sync

T = TypeVar("T")
SECONDS = 1.0
COMMENT = b": waiting\n\n"


def waited(
    work: Coroutine[object, object, T], *, unwanted: Callable[[T], Awaitable[None]] | None = None
) -> Generator[bytes, None, T]:
    """What `work` gives or raises; meanwhile a comment each second, for only a write finds out that the browser has
    left. Closing the generator cancels `work` and waits for its clean-up; a result that came just then goes to
    `unwanted`."""
    task = sync.run(_begun(work))
    try:
        while not task.done():
            yield COMMENT
            sync.run(_wait(task))
    except GeneratorExit:
        sync.run(_cancelled(task, unwanted))
        raise
    return task.result()


async def _begun(work: Coroutine[object, object, T]) -> asyncio.Task[T]:
    task = asyncio.ensure_future(work)
    await _wait(task)
    return task


async def _wait(task: asyncio.Task[T]) -> None:
    await asyncio.wait({task}, timeout=SECONDS)


async def _cancelled(task: asyncio.Task[T], unwanted: Callable[[T], Awaitable[None]] | None) -> None:
    task.cancel()
    await asyncio.wait({task})
    if unwanted is not None and not task.cancelled() and task.exception() is None:
        await unwanted(task.result())
