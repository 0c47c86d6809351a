"""From any other loop: results, errors and cancellation come through, and a loop that ends is told."""

from __future__ import annotations

import asyncio
import threading

import pytest

from llm import sync
from llm.errors import GatewayUnavailable


async def here() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def test_it_runs_on_the_processs_loop() -> None:
    loop = await sync.across(here())
    assert loop is not asyncio.get_running_loop()
    assert loop is await asyncio.to_thread(lambda: sync.run(here()))


async def test_on_that_loop_it_is_awaited_as_it_is() -> None:
    async def outer() -> bool:
        with pytest.raises(RuntimeError, match="own loop"):
            sync.refuse_own_loop()
        return await sync.across(here()) is asyncio.get_running_loop()

    sync.refuse_own_loop()
    assert await asyncio.to_thread(lambda: sync.run(outer()))


async def test_errors_come_through() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await sync.across(fail())


async def test_cancelling_the_awaiting_task_cancels_it() -> None:
    began, ended = threading.Event(), threading.Event()

    async def hang() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(sync.across(hang()))
    await asyncio.to_thread(began.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 5)


async def test_a_loop_that_ends_meanwhile_is_told() -> None:
    async def cancelled_from_there() -> None:
        raise asyncio.CancelledError

    with pytest.raises(GatewayUnavailable, match="going down"):
        await sync.across(cancelled_from_there())
