"""How soon a model begins to answer, as of late: for choosing among models, and for when to ask a second one."""

from __future__ import annotations

from collections import deque
from math import exp
from typing import Final

DECAY_SECONDS: Final = 10.0
SAMPLES: Final = 200
FEWEST_SAMPLES: Final = 20
FORGOTTEN_SECONDS: Final = 300.0
_SORT_EVERY: Final = 10


class FirstToken:
    """Seconds to the first token of one model. `now` in seconds, of any clock that goes on."""

    __slots__ = ("_at", "_peak", "_samples", "_sorted", "_unsorted")

    def __init__(self) -> None:
        self._peak = 0.0
        self._at = 0.0
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._sorted: list[float] = []
        self._unsorted = 0  # samples since they were last sorted

    def note(self, seconds: float, now: float) -> None:
        """A slow one counts at once, a fast one the more the longer ago the last was."""
        if seconds >= self._peak:
            self._peak = seconds
        else:
            idle = now - self._at
            self._peak = seconds + (self._peak - seconds) * (exp(-idle / DECAY_SECONDS) if idle > 0 else 1.0)
        self._at = now
        self._samples.append(seconds)
        self._unsorted += 1

    def lately(self, now: float) -> float | None:
        """A peak-sensitive moving average: it decays toward the median. None: nothing is known, or of too long ago."""
        idle = now - self._at
        if not self._samples or idle > FORGOTTEN_SECONDS:
            return None
        usual = min(self._quantile(0.5), self._peak)
        return usual + (self._peak - usual) * exp(min(-idle, 0.0) / DECAY_SECONDS)

    def p95(self) -> float | None:
        """None with fewer than FEWEST_SAMPLES."""
        return self._quantile(0.95) if len(self._samples) >= FEWEST_SAMPLES else None

    def _quantile(self, share: float) -> float:
        if self._unsorted >= _SORT_EVERY or len(self._samples) <= FEWEST_SAMPLES:
            self._sorted, self._unsorted = sorted(self._samples), 0
        return self._sorted[min(int(len(self._sorted) * share), len(self._sorted) - 1)]
