"""Waits for the results of many tasks at a time without a thread for each: one look-up for all, again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from llm_gateway_client.errors import GatewayFailure

logger = logging.getLogger(__name__)

Meta = dict[str, Any]
FIRST_SECONDS: Final = 0.01
LONGEST_SECONDS: Final = 0.25
AWAY_SECONDS: Final = 10.0


class Results:
    """Of one event loop. `look_up` gives the tasks that are finished; it may fail while the backend is away."""

    def __init__(self, look_up: Callable[[Iterable[str]], Awaitable[dict[str, Meta]]]) -> None:
        self._look_up = look_up
        self._waiting: dict[str, asyncio.Future[Meta]] = {}
        self._task: asyncio.Task[None] | None = None
        self._pause = FIRST_SECONDS

    async def wait(self, task_id: str) -> Meta:
        """Its result as it is stored. GatewayFailure (connection_failed) where the backend stays away."""
        future: asyncio.Future[Meta] = asyncio.get_running_loop().create_future()
        self._waiting[task_id] = future
        self._pause = FIRST_SECONDS
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            return await future
        finally:
            self._waiting.pop(task_id, None)

    async def close(self) -> None:
        """Who still waits is told that nothing comes any more."""
        self._give_up("The client was closed.")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Ends once nobody waits."""
        away_since: float | None = None
        clock = asyncio.get_running_loop().time
        try:
            while self._waiting:
                try:
                    self._settle(await self._look_up(tuple(self._waiting)))
                    away_since = None
                except Exception:  # top of a loop: each backend has errors of its own
                    logger.warning("the results of tasks cannot be looked up", exc_info=True)
                    away_since = away_since or clock()
                    if clock() - away_since > AWAY_SECONDS:
                        self._give_up("The results of tasks cannot be looked up.")
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * 1.2, LONGEST_SECONDS)
        finally:
            self._task = None

    def _settle(self, found: dict[str, Meta]) -> None:
        for task_id, meta in found.items():
            future = self._waiting.pop(task_id, None)
            if future is not None and not future.done():
                future.set_result(meta)

    def _give_up(self, message: str) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(GatewayFailure(message, "connection_failed", retryable=True, source="client"))
        self._waiting.clear()
