"""Time, randomness and waiting as the service needs them; tests inject their own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` and `now` (since 1970) in seconds, `random` in [0, 1), `sleep` in seconds."""

    monotonic: Callable[[], float] = time.perf_counter
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
