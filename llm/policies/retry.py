"""Whether a failed call is tried again, where and when.

`Walk` goes through a plan's candidates. It does no I/O and reads no clock: it is told how long the call has taken.
After each failure it names the next attempt, or None: then the error stands.

- The candidates are gone through in turn, `1 + policy.retries` attempts in all; then each fallback gets one.
- A key that was refused (401, 402, 403) is not used again in this call; the next key costs no retry.
- A model that did not answer in time is not asked twice.
- A failed provider is left alone for a moment, or for as long as its Retry-After says; others need not wait for it.
- Nothing waits longer than LONGEST_WAIT or past the call's time budget: then the fallbacks, then the error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from llm.errors import (
    CredentialsExhausted,
    GatewayError,
    UpstreamAuthFailed,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from llm.policies.plan import Candidate, Plan

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
LONGEST_WAIT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """The next attempt, after `delay` seconds."""

    candidate: Candidate
    delay: float = 0.0


class Walk:
    """One call's way through its plan. `random` in [0, 1) spreads the pauses."""

    def __init__(self, plan: Plan, *, random: Callable[[], float]) -> None:
        self.budget = plan.budget
        self._random = random
        self._targets = list(plan.candidates)
        self._fallbacks = list(plan.fallbacks)
        self._not_before: dict[int, float] = {}  # by id() of a candidate: seconds since the call began
        self._left = 1 + plan.policy.retries
        self._failures = 0
        self._current: Candidate

    def first(self) -> Step:
        if self._targets:
            return self._take(Step(self._targets[0]))
        return self._take(Step(self._fallbacks.pop(0)), fallback=True)

    def after(self, error: GatewayError, *, elapsed: float) -> Step | None:
        """The attempt that follows a failed one; `elapsed` seconds since the call began. None: the error stands."""
        if not error.retryable or not isinstance(error, UpstreamError) or elapsed >= self.budget:
            return None
        self._failures += 1
        self._note(error, elapsed)
        return self._from_targets(elapsed) or self._from_fallbacks()

    def conclude(self, error: GatewayError) -> None:
        """Called when no attempt is left. A refused key of ours must not look like one of the caller's: raises
        CredentialsExhausted for it; any other error stands as it is."""
        if isinstance(error, UpstreamAuthFailed):
            raise CredentialsExhausted("The provider accepted none of the keys that are stored for it.") from error

    def _note(self, error: UpstreamError, elapsed: float) -> None:
        """Takes out what is not to be asked again, and lets the rest cool down."""
        failed = self._current
        if isinstance(error, UpstreamAuthFailed):
            self._targets = [candidate for candidate in self._targets if candidate is not failed]
            self._left += 1
            return
        if isinstance(error, UpstreamTimeout):
            self._targets = [candidate for candidate in self._targets if not _same_model(candidate, failed)]
        self._fallbacks = [candidate for candidate in self._fallbacks if not _same_model(candidate, failed)]
        pause = error.retry_after
        if pause is None:
            pause = min(FIRST_PAUSE * 2.0 ** (self._failures - 1), LONGEST_PAUSE) * (1 + 0.25 * self._random())
        for candidate in self._targets:
            one_key_only = isinstance(error, UpstreamRateLimited) and candidate is not failed
            if _same_model(candidate, failed) and not one_key_only:
                self._not_before[id(candidate)] = elapsed + pause

    def _from_targets(self, elapsed: float) -> Step | None:
        if not self._targets or self._left <= 0:
            return None
        candidate = min(self._targets, key=lambda candidate: self._not_before.get(id(candidate), 0.0))
        delay = max(0.0, self._not_before.get(id(candidate), 0.0) - elapsed)
        if delay > LONGEST_WAIT or elapsed + delay >= self.budget:
            return None
        return self._take(Step(candidate, delay))

    def _from_fallbacks(self) -> Step | None:
        self._targets = []  # once a fallback is asked, the targets are behind us
        return self._take(Step(self._fallbacks.pop(0)), fallback=True) if self._fallbacks else None

    def _take(self, step: Step, *, fallback: bool = False) -> Step:
        self._current = step.candidate
        if not fallback:
            self._left -= 1
        return step


def _same_model(one: Candidate, other: Candidate) -> bool:
    return one.upstream is other.upstream and one.model_id == other.model_id
