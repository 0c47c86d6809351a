"""When a provider, or a key that it refused, is probed next, and what the page tells of the latest probe. Reads no
clock."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from providers.models import Provider
from providers.parameters import PROBE_INTERVAL, probe_interval

JITTER: Final = 0.1
"""The share of the interval by which a probe may come later than it."""
FIRST_WITHIN: Final = 30.0
"""Seconds after the prober's start in which those come that were never probed."""


def interval_of(request_settings: Mapping[str, Any]) -> int:
    """Seconds between probes; 0: none are made."""
    try:
        return probe_interval(request_settings.get(PROBE_INTERVAL, 0))
    except ValueError:  # it was written past the services
        return 0


def is_due(
    name: str, *, interval: int, last: datetime | None, since: datetime, now: datetime, until: datetime | None = None
) -> bool:
    """Is what has this name to be probed? `last`: when it was probed last, `since`: when the prober began, `until`: of
    a key, how long it is not to be asked. Each name comes at another moment, so that not all come at once."""
    if not interval or (until is not None and now < until):
        return False
    if last is None:
        return now >= since + timedelta(seconds=FIRST_WITHIN * _chance(name))
    if now < last:  # the clock of the machine that wrote it is ahead
        return last - now > timedelta(seconds=interval)
    return now >= last + timedelta(seconds=interval * (1 + JITTER * _chance(f"{name} {last.timestamp()}")))


def last(provider: Provider) -> dict[str, Any] | None:
    """The newest probe's result with its time (`probed_at`) and how many failed in a row, or None."""
    state = getattr(provider, "state", None)
    if state is None or state.last_probe is None:
        return None
    return {**state.last_probe, "failed_in_a_row": state.probes_failed}


def _chance(text: str) -> float:
    """In [0, 1), the same for the same text."""
    return zlib.crc32(text.encode()) / 2**32
