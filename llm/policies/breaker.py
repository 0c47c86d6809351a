"""The state of one subject (a provider, a model, a key): purely decided, all times are given in (seconds since 1970).

    closed --(failures in a row, or a share of many)--> open --(time, a claim)--> half_open --(success)--> closed
                                                          ^---------(failure: for twice as long)---'
    closed or half_open --(a limit of the provider's)--> cooling --(time)--> closed

Time alone leads out of each state: open and cooling end, and a probe's lease does. While it is open results are of
calls that began before: they say nothing new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from llm.observe.health_event import Category, State

_PARTS: Final = 10  # of the window that attempts are counted in
_MOST_DOUBLINGS: Final = 30
_LONGER: Final = 1.0  # seconds by which a limit is to grow before it counts as another
_SET_BACK: Final = 1.0  # seconds: threads that look at the same clock may be told of it in another order


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds.

    Opens after `in_a_row` failures within `in_a_row_seconds`, or where `share` of at least `least` attempts within
    `window` failed; for `open_first`, doubling with each failed probe to `outage_most`: so soon is its recovery found.
    Opening again within `relapse` of closing goes on doubling, and doubles that bound too, to `open_most`: so rarely is
    it asked that flaps. Up to `jitter` of the time is taken off by chance. A probe is given up after `lease`.
    Cools down for as long as the provider says (`cool_longest` at most), else for `cool_first` doubling to `cool_most`.
    """

    in_a_row: int = 5
    in_a_row_seconds: float = 60.0
    share: float = 0.5
    least: int = 20
    window: float = 30.0
    open_first: float = 5.0
    outage_most: float = 15.0
    open_most: float = 120.0
    jitter: float = 0.2
    relapse: float = 60.0
    lease: float = 30.0
    cool_first: float = 1.0
    cool_most: float = 30.0
    cool_longest: float = 3600.0


RULES: Final = Rules()
KEY_RULES: Final = Rules(open_first=30.0, outage_most=600.0, open_most=600.0)


class Breaker:
    """`since`: when `state` began; `until`: when open or cooling ends, in half_open the probe's lease. `failures` in a
    row, the last one of `category`; `level`: how often the open time was doubled; `relapses`: how often it opened again
    soon after it closed; `turns`: how many states there were. `random` in [0, 1)."""

    __slots__ = (
        "_closed_at",
        "_cool_level",
        "_failed_at",
        "_random",
        "_row",
        "_window",
        "category",
        "failures",
        "level",
        "relapses",
        "rules",
        "since",
        "state",
        "turns",
        "until",
    )

    def __init__(self, rules: Rules = RULES, *, random: Callable[[], float], now: float = 0.0) -> None:
        self.rules = rules
        self.state: State = "closed"
        self.since = now
        self.until = 0.0
        self.turns = 0
        self.failures = 0
        self.category: Category = ""
        self.level = 0
        self.relapses = 0
        self._random = random
        self._cool_level = 0
        self._closed_at: float | None = None  # None: it never was open
        self._failed_at = 0.0
        self._row: deque[float] = deque(maxlen=rules.in_a_row)
        self._window = Window(rules.window)

    def seen(self, now: float) -> State:
        """The state with what time has done to it: an open one may be probed from `until` on, a limit is lifted."""
        if self.state == "open" and self._is_over(now):
            return "half_open"
        if self.state == "cooling" and self._is_over(now):
            return "closed"
        return self.state

    def _is_over(self, now: float) -> bool:
        """Also where the clock was set back: what it says of the end is worth nothing then."""
        return now >= self.until or now < self.since - _SET_BACK

    def probing(self, now: float) -> bool:
        """Is a probe under way, and not given up?"""
        return self.state == "half_open" and not self._is_over(now)

    def quiet(self, now: float) -> bool:
        """Closed, and for so long without a failure that nothing of it matters any more."""
        if self.seen(now) != "closed":
            return False
        newest = max(self._failed_at, self._closed_at or 0.0, self.until if self.state == "cooling" else 0.0)
        return now - newest > max(self.rules.in_a_row_seconds, self.rules.relapse, self.rules.window)

    def claim(self, now: float) -> bool:
        """May an attempt go ahead? In half_open for one at a time, which is the probe then."""
        if self.seen(now) != "half_open":
            return True
        if self.probing(now):
            return False
        self._enter("half_open", now, until=now + self.rules.lease)
        return True

    def give_back(self, now: float, *, wait: float = 0.0) -> None:
        """The probe said nothing: the next may go, in `wait` seconds."""
        if self.state == "half_open":
            self.until = now + wait

    def succeeded(self, now: float) -> None:
        if self.seen(now) == "half_open":
            self.close(now)
            return
        if self.state in ("open", "half_open"):
            return
        self.failures = 0
        self._row.clear()
        self._window.add(now, failed=False)
        if self.state == "cooling" and self._is_over(now):
            self._cool_level = 0
            self._enter("closed", now)

    def failed(self, now: float, category: Category, *, probe: bool) -> None:
        """One failure that counts. `probe`: by the attempt that had the claim, if any has it."""
        if self._of_before(probe):
            return
        self._note(now, category)
        self._row.append(now)
        self._window.add(now, failed=True)
        in_a_row = len(self._row) == self.rules.in_a_row and now - self._row[0] <= self.rules.in_a_row_seconds
        attempts, failures = self._window.counts(now)
        many = attempts >= self.rules.least and failures >= self.rules.share * attempts
        if self.state == "half_open" or in_a_row or many:
            self._open(now)

    def refused(self, now: float, category: Category, *, probe: bool) -> None:
        """A failure that opens at once."""
        if not self._of_before(probe):
            self._note(now, category)
            self._open(now)

    def limited(self, now: float, seconds: float | None, *, probe: bool) -> None:
        """The provider limits: for `seconds`, where it named a time."""
        if self._of_before(probe):
            return
        rules, named = self.rules, seconds is not None and seconds > 0
        lifted = self.state != "cooling" or self._is_over(now)
        if not named and not lifted:
            return  # one of several that were under way when the first was refused
        self._note(now, "rate_limit")
        if seconds is not None and named:
            length = min(seconds, rules.cool_longest)
        else:
            length = min(rules.cool_first * 2.0**self._cool_level, rules.cool_most)
            self._cool_level = min(self._cool_level + 1, _MOST_DOUBLINGS)
        if self.state == "half_open":  # who limits accepts
            self.close(now)
            self.category = "rate_limit"
        if lifted:
            self._enter("cooling", now, until=now + length)
            return
        self.turns += now + length >= self.until + _LONGER
        self.until = max(self.until, now + length)

    def close(self, now: float) -> None:
        self.failures = 0
        self.category = ""
        self._row.clear()
        self._window.clear()
        self._cool_level = 0
        self._closed_at = now
        self._enter("closed", now)

    def reset(self, now: float) -> None:
        """Closed, as if nothing had ever been."""
        self.close(now)
        self.level, self.relapses, self._closed_at = 0, 0, None

    def force(self, now: float, category: Category) -> None:
        """Found not to work by someone who looked: opens, or where its time was over, opens again."""
        if self.seen(now) != "open":
            self._note(now, category)
            self._open(now)

    def adopt(
        self,
        now: float,
        *,
        state: State,
        until: float,
        category: Category = "",
        failures: int = 0,
        level: int = 0,
        relapses: int = 0,
    ) -> None:
        """As another process found it. `until` is bounded by the own rules: its clock may be another."""
        if state == "closed":
            self.close(now)
            return
        longest = self.rules.cool_longest if state == "cooling" else self.rules.open_most
        self.category, self.failures = category, failures
        self.level, self.relapses = min(level, _MOST_DOUBLINGS), min(relapses, _MOST_DOUBLINGS)
        self._failed_at = now
        self._enter(state, now, until=min(until, now + longest))

    def _of_before(self, probe: bool) -> bool:
        return self.state == "open" or (self.state == "half_open" and not probe)

    def _note(self, now: float, category: Category) -> None:
        self.failures += 1
        self.category = category
        self._failed_at = now

    def _open(self, now: float) -> None:
        rules = self.rules
        probed = self.state in ("half_open", "open")
        relapsed = not probed and self._closed_at is not None and now - self._closed_at <= rules.relapse
        self.level = min(self.level + 1, _MOST_DOUBLINGS) if probed or relapsed else 0
        if not probed:
            self.relapses = min(self.relapses + 1, _MOST_DOUBLINGS) if relapsed else 0
        most = min(rules.outage_most * 2.0**self.relapses, rules.open_most)
        length = min(rules.open_first * 2.0**self.level, most)
        self._row.clear()
        self._window.clear()
        self._enter("open", now, until=now + length * (1 - rules.jitter * self._random()))

    def _enter(self, state: State, now: float, *, until: float = 0.0) -> None:
        self.state, self.since, self.until = state, now, until
        self.turns += 1


class Window:
    """Attempts and failures of the last `seconds`, counted in parts of it."""

    __slots__ = ("_part", "_parts")

    def __init__(self, seconds: float) -> None:
        self._part = seconds / _PARTS
        self._parts: deque[list[int]] = deque(maxlen=_PARTS)  # number of the part, attempts, failures

    def add(self, now: float, *, failed: bool) -> None:
        number = int(now / self._part)
        if not self._parts or number > self._parts[-1][0]:
            self._parts.append([number, 0, 0])
        part = self._parts[-1]
        part[1] += 1
        part[2] += failed

    def counts(self, now: float) -> tuple[int, int]:
        """(attempts, failures)."""
        oldest = int(now / self._part) - _PARTS
        kept = [part for part in self._parts if part[0] > oldest]
        return sum(part[1] for part in kept), sum(part[2] for part in kept)

    def clear(self) -> None:
        self._parts.clear()
