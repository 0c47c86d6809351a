"""What is counted of every call, by names that stay (CONTRACT.md): requests, durations, tokens, attempts.

    metrics.open(directory)            once in a process that serves calls; without it all is counted in memory
    metrics.started(endpoint)          a call begins
    metrics.attempted(provider, model, metrics.outcome(error))
    metrics.settled(record)            it ended
    metrics.configured(revision)       this process serves the newest configuration
    metrics.breaker(provider, model, level, until)

Labels hold no key and no user. Names come from callers too, so they are capped: past MOST_NAMES projects, or models of
providers, each further one is "other".
The numbers lie in a `Tally`; `gateway_project.metrics` adds those of all processes and writes them for Prometheus.
All but `configured` and `breaker` belong to the process's loop.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from llm.errors import (
    CallCancelled,
    Unsupported,
    UpstreamAuthFailed,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from llm.observe.record import CallRecord
from llm.observe.tally import Slots, Tally

Outcome = Literal[
    "succeeded",
    "cancelled",
    "rejected",
    "rate_limited",
    "timeout",
    "credentials",
    "failed",
    "unsupported",
    "defect",
]

MOST_NAMES: Final = 1000
LONGEST_NAME: Final = 330  # of a provider and one of its models
OTHER: Final = "other"
# Families of numbers, as `gateway_project.metrics` reads them.
CALLS: Final = "calls"  # project, provider, model, endpoint, status: requests, then TOKEN_KINDS
TIMES: Final = "times"  # provider, model, endpoint, status: the histograms of HISTOGRAMS
ATTEMPTS: Final = "attempts"  # provider, model, outcome: how many
ACTIVE: Final = "active"  # endpoint: how many now
PROVIDER: Final = "provider"  # provider: 1 up, 0 down; since 1970 in seconds
BREAKER: Final = "breaker"  # provider, model ("": the provider itself): 0 to 2 as in `breaker`; until when, or 0
CONFIGURATION: Final = "configuration"  # (): revision; when it was last known to be the newest
TOKEN_KINDS: Final = ("input", "output", "cached", "cache_write", "reasoning")
# Upper bounds in seconds; a histogram is its sum, a count for each bound, and one for what lies above.
SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
OVERHEAD: Final = (0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
HISTOGRAMS: Final = (
    ("request_duration_seconds", SECONDS),
    ("overhead_seconds", OVERHEAD),
    ("time_to_first_token_seconds", SECONDS),
)
_OVERHEAD_AT: Final = len(SECONDS) + 2
_FIRST_TOKEN_AT: Final = _OVERHEAD_AT + len(OVERHEAD) + 2
_TIMES: Final = _FIRST_TOKEN_AT + len(SECONDS) + 2
# A provider's state is written again after so many seconds, so that the newest of several processes can be told.
_STATE_SECONDS: Final = 1.0
_ALIVE: Final = frozenset({"succeeded", "rejected", "rate_limited"})
_SAYS_NOTHING: Final = frozenset({"cancelled", "unsupported", "defect"})


class Metrics:
    """The numbers of one process, by names that were looked up once."""

    def __init__(self, directory: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self._tally = Tally(directory)
        self._now = now
        self._found: dict[tuple[str, ...], Slots] = {}
        self._names = Names()
        # What the calls of one kind, and the attempts that end in one way, change: found at once.
        self._ends: dict[tuple[str, ...], tuple[Slots, Slots]] = {}
        self._attempts: dict[tuple[str, ...], tuple[Slots, Slots | None, float]] = {}
        self._active: dict[str, Slots] = {}

    def started(self, endpoint: str) -> None:
        slots = self._active.get(endpoint)
        if slots is None:
            slots = self._active[endpoint] = self._find(ACTIVE, endpoint, count=1)
        slots[0] += 1.0

    def settled(self, record: CallRecord) -> None:
        name = (record.project, record.provider, record.model, record.endpoint, record.status)
        calls, times = self._ends.get(name) or self._find_ends(name)
        calls[0] += 1.0
        calls[1] += record.input_tokens
        calls[2] += record.output_tokens
        if record.cached_tokens or record.cache_write_tokens or record.reasoning_tokens:
            calls[3] += record.cached_tokens
            calls[4] += record.cache_write_tokens
            calls[5] += record.reasoning_tokens
        seconds = record.latency_ms / 1000.0
        times[0] += seconds
        times[1 + bisect_left(SECONDS, seconds)] += 1.0
        seconds = record.overhead_ms / 1000.0
        times[_OVERHEAD_AT] += seconds
        times[_OVERHEAD_AT + 1 + bisect_left(OVERHEAD, seconds)] += 1.0
        if record.time_to_first_token_ms is not None:
            seconds = record.time_to_first_token_ms / 1000.0
            times[_FIRST_TOKEN_AT] += seconds
            times[_FIRST_TOKEN_AT + 1 + bisect_left(SECONDS, seconds)] += 1.0
        active = self._active.get(record.endpoint)
        if active is not None and active[0] > 0.0:
            active[0] -= 1.0

    def attempted(self, provider: str, model: str, outcome: Outcome) -> None:
        name = (provider, model, outcome)
        slots, state, up = self._attempts.get(name) or self._find_attempts(name)
        slots[0] += 1.0
        if state is not None:
            now = self._now()
            if state[0] != up or now - state[1] > _STATE_SECONDS:
                state[0], state[1] = up, now

    def configured(self, revision: int) -> None:
        slots = self._found.get((CONFIGURATION,)) or self._find(CONFIGURATION, count=2)
        slots[0], slots[1] = revision, self._now()

    def breaker(self, provider: str, model: str, level: int, until: float) -> None:
        name = self._names.capped((BREAKER, provider, model))
        if name[1] != OTHER:  # a state is of one thing alone
            slots = self._known(name, 2)
            slots[0], slots[1] = level, until

    def release(self) -> None:
        """Lets go of the files of a parent process."""
        self._tally.release()

    def _find_ends(self, name: tuple[str, ...]) -> tuple[Slots, Slots]:
        name_of_calls, name_of_times = (CALLS, *name), (TIMES, *name[1:])
        calls, times = self._names.capped(name_of_calls), self._names.capped(name_of_times)
        found = self._known(calls, 1 + len(TOKEN_KINDS)), self._known(times, _TIMES)
        if (calls, times) == (name_of_calls, name_of_times):
            self._ends[name] = found
        return found

    def _find_attempts(self, name: tuple[str, ...]) -> tuple[Slots, Slots | None, float]:
        provider, _, outcome = name
        capped = self._names.capped((ATTEMPTS, *name))
        state = None if outcome in _SAYS_NOTHING else self._known((PROVIDER, provider), 2)
        found = self._known(capped, 1), state, 1.0 if outcome in _ALIVE else 0.0
        if capped[1:] == name:
            self._attempts[name] = found
        return found

    def _known(self, name: tuple[str, ...], count: int) -> Slots:
        return self._found.get(name) or self._find(*name, count=count)

    def _find(self, family: str, *labels: str, count: int) -> Slots:
        """A name past the cap is never a key here, nor where what was found is kept: they would grow as it does."""
        slots = self._found[(family, *labels)] = self._tally.slots(family, labels, count)
        return slots


class Names:
    """The names that were met first, as many as are kept apart."""

    def __init__(self) -> None:
        self._projects: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._models: dict[tuple[str, ...], tuple[str, ...]] = {}

    def capped(self, name: tuple[str, ...]) -> tuple[str, ...]:
        """`name`, a family and its labels, with "other" for what is one too many."""
        match name:
            case (str(family), project, provider, model, *rest) if family == CALLS:
                return (family, *_kept(self._projects, project), *_kept(self._models, provider, model), *rest)
            case (str(family), provider, model, *rest) if family in (TIMES, ATTEMPTS, BREAKER):
                return (family, *_kept(self._models, provider, model), *rest)
        return name


def _kept(known: dict[tuple[str, ...], tuple[str, ...]], *names: str) -> tuple[str, ...]:
    found = known.get(names)
    if found is None:
        if len(known) >= MOST_NAMES or sum(map(len, names)) > LONGEST_NAME:
            return (OTHER,) * len(names)
        found = known[names] = names
    return found


def outcome(error: BaseException | None) -> Outcome:
    """What an attempt that ended with `error` (None: well) says of the provider."""
    match error:
        case None:
            return "succeeded"
        case asyncio.CancelledError() | GeneratorExit() | CallCancelled():
            return "cancelled"
        case UpstreamRejected():
            return "rejected"
        case Unsupported():
            return "unsupported"
        case UpstreamRateLimited():
            return "rate_limited"
        case UpstreamTimeout():
            return "timeout"
        case UpstreamAuthFailed():
            return "credentials"
        case UpstreamFailed():
            return "failed"
    return "defect"


_current = Metrics()


def open(directory: Path) -> None:
    """From now on this process counts in files in `directory`."""
    global _current
    if _current.directory != directory:
        _current = Metrics(directory)


def started(endpoint: str) -> None:
    _current.started(endpoint)


def attempted(provider: str, model: str, outcome: Outcome) -> None:
    _current.attempted(provider, model, outcome)


def settled(record: CallRecord) -> None:
    _current.settled(record)


def configured(revision: int) -> None:
    _current.configured(revision)


def breaker(provider: str, model: str, level: int, until: float) -> None:
    """`level`: 0 closed, 1 half-open or cooling, 2 open. `until` in seconds since 1970: then open has become half-open
    and cooling is over; 0: time does nothing. `model` "": the provider's own. One thread at a time."""
    _current.breaker(provider, model, level, until)


def _begin_anew() -> None:
    """In a forked child: the parent's files are the parent's."""
    global _current
    parents, _current = _current, Metrics(_current.directory)
    parents.release()


os.register_at_fork(after_in_child=_begin_anew)
