"""The bridge: one loop per process, errors and cancellation through it, no waiting for oneself."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from llm import sync


async def here() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_all_calls_of_a_process_share_one_loop() -> None:
    first = sync.run(here())
    other: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: other.append(sync.run(here())))
    thread.start()
    thread.join(5)
    assert other == [first]


def test_results_and_errors_come_through() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        sync.run(fail())


def test_a_timeout_cancels_and_waits_for_the_clean_up() -> None:
    cleaned: list[bool] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        sync.run(hang(), timeout=0.01)
    assert cleaned == [True]


def test_its_own_loop_is_refused_at_once() -> None:
    async def inner() -> None:
        raise AssertionError("must not run")

    async def outer() -> None:
        sync.run(inner())

    with pytest.raises(RuntimeError, match="own loop"):
        sync.run(outer())


async def test_a_servers_loop_is_adopted_while_it_runs() -> None:
    loop = asyncio.get_running_loop()
    sync.adopt(loop)
    try:
        assert await asyncio.to_thread(lambda: sync.run(here())) is loop
        with pytest.raises(RuntimeError):
            sync.run(here())
    finally:
        sync.adopt(None)
    assert await asyncio.to_thread(lambda: sync.run(here())) is not loop


def test_a_stopped_loop_is_not_waited_for() -> None:
    stopped = asyncio.new_event_loop()
    stopped.close()
    sync.adopt(stopped)
    try:
        assert sync.run(here()) is not stopped
    finally:
        sync.adopt(None)


def test_context_variables_go_along() -> None:
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
    variable.set("mine")

    async def read() -> str:
        return variable.get()

    assert sync.run(read()) == "mine"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_gets_a_loop_of_its_own() -> None:
    sync.run(here())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if sync.run(here(), timeout=5).is_running() else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
