"""One timer for all deadlines of a transport: a timer for each wait costs more than the wait's own work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

TICK: Final = 0.05
"""Seconds between two looks while something waits: how late a limit may be noticed."""

REST: Final = 1.0
"""Seconds between two looks while only idle connections are there."""


class Waiting(Protocol):
    """Something that must happen until `deadline` (the loop's time); `expire` is called once it has not."""

    deadline: float

    def expire(self) -> None: ...


class Sweeper:
    """Looks at what waits every `TICK` seconds. `housekeeping` is called at each look with the loop's time, and tells
    whether it wants to be called again where nothing waits."""

    __slots__ = ("_handle", "_housekeeping", "_loop", "_pace", "_stopped", "_waiting", "forget")

    def __init__(self, loop: asyncio.AbstractEventLoop, housekeeping: Callable[[float], bool]) -> None:
        self._loop = loop
        self._housekeeping = housekeeping
        self._waiting: set[Waiting] = set()
        self.forget: Callable[[Waiting], None] = self._waiting.discard
        self._handle: asyncio.TimerHandle | None = None
        self._pace = REST
        self._stopped = False

    def watch(self, waiting: Waiting) -> None:
        self._waiting.add(waiting)
        if self._pace != TICK:
            self._start(TICK)

    def wake(self) -> None:
        """There is something to keep house for."""
        if self._handle is None:
            self._start(REST)

    def stop(self) -> None:
        self._stopped = True
        if self._handle is not None:
            self._handle.cancel()

    def _start(self, pace: float) -> None:
        if self._stopped:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._pace = pace
        self._handle = self._loop.call_later(pace, self._look)

    def _look(self) -> None:
        self._handle, self._pace = None, REST
        now = self._loop.time()
        for late in [one for one in self._waiting if one.deadline <= now]:
            self._waiting.discard(late)
            late.expire()
        wanted = self._housekeeping(now)
        if self._waiting:
            self._start(TICK)
        elif wanted:
            self._start(REST)
