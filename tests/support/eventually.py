"""Waits for a condition with a bounded deadline; never a fixed sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_never = threading.Event()


def eventually(condition: Callable[[], T], *, seconds: float = 10.0, every: float = 0.02) -> T:
    """The first true value of `condition`; AssertionError where none came in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not so within {seconds} s (last: {value!r})"
        _never.wait(every)
