"""The list's time and ours: a fault that lasts a minute lasts two or three seconds here, unless `--slow` is said.

Everything in this folder is told in seconds of the list. The Gateway gets a clock that runs in them: its pauses, its
budgets and its breakers keep the figures that they have in service. What runs on the machine's own time (the limits of
a transport, the delays of a fake provider) is scaled.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from llm.service.clock import Clock

SLACK = 0.5
"""Seconds of the machine by which something may be late: for a busy machine, not for the gateway."""


@dataclass(frozen=True)
class Pace:
    """`scale`: seconds of the machine for one of the list."""

    scale: float

    @property
    def slack(self) -> float:
        return SLACK / self.scale

    def real(self, seconds: float) -> float:
        return seconds * self.scale

    def now(self) -> float:
        """Seconds of the list since some moment."""
        return time.perf_counter() / self.scale

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(self.real(seconds))

    def clock(self) -> Clock:
        began, since = time.time(), self.now()
        return Clock(monotonic=self.now, now=lambda: began + self.now() - since, sleep=self.sleep)


QUICK = Pace(1 / 25)
SLOW = Pace(1.0)
