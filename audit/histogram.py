"""Durations counted in fixed buckets, so that counts of several processes, hours and models can be added up.

Bucket `n` holds what is at most `BOUNDS[n]` milliseconds and more than the bound before; the last bucket holds the
rest. A quantile is told within the bucket of the true one: between 10 ms and a minute it is off by a factor of 5/3 at
most, elsewhere up to ten minutes by 5/2, and nearly exact where durations are spread evenly over their bucket.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

# Never change these: stored counts would mean something else. Add a new set of columns instead.
BOUNDS: Final = (
    1, 2, 5, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 400, 500, 700, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000,
    7_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 120_000, 300_000, 600_000,
)  # fmt: skip
BUCKETS: Final = len(BOUNDS) + 1
_EDGES: Final = (0, *BOUNDS, BOUNDS[-1])  # nothing is said beyond the last bound


def bucket(milliseconds: float) -> int:
    return bisect_left(BOUNDS, milliseconds)


def columns(prefix: str) -> tuple[str, ...]:
    """The names of the buckets' columns: `latency_le_1` ... `latency_le_600000`, `latency_more`."""
    return (*(f"{prefix}_le_{bound}" for bound in BOUNDS), f"{prefix}_more")


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The duration in milliseconds that `share` (0 to 1) of the counted ones do not exceed, as if they were spread
    evenly within their bucket; None where nothing was counted. At most the last bound."""
    total = sum(counts)
    if not total:
        return None
    wanted = share * total
    seen = 0
    for count, (low, high) in zip(counts, pairwise(_EDGES), strict=True):
        if count and seen + count >= wanted:
            return low + (high - low) * (wanted - seen) / count
        seen += count
    return float(BOUNDS[-1])
