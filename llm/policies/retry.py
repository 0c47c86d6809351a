"""Whether a failed call is tried again, where and when.

`Walk` goes through a plan's candidates. It does no I/O and reads no clock: it is told how long the call has taken.
After each failure it names the next attempt, or None: then the error stands.

- The candidates are gone through in turn, `1 + policy.retries` attempts in all; then each fallback gets one.
- A key that was refused (401, 402, 403) is not used again in this call; the next key costs no retry. Nor does a
  candidate cost one that was passed over, or that cannot carry a field which the route refuses to drop.
- A model that did not answer in time is not asked twice.
- A conversation that is too long goes only to a model with a larger window; one that was refused for what it says goes
  elsewhere only where the route says so.
- A failed provider is left alone for a moment, or for as long as its Retry-After says; others need not wait for it.
- Nothing waits for what is longer away than LONGEST_WAIT (LONGEST_BEFORE_FALLBACK where a fallback is left), or past
  the call's time budget: then the fallbacks, then the error. Who waits for a moment that the provider named comes a
  little later, by chance, so that not all come at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from llm.errors import (
    ContentFiltered,
    ContextLengthExceeded,
    CredentialsExhausted,
    GatewayError,
    NoHealthyUpstream,
    Unsupported,
    UpstreamAuthFailed,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from llm.policies.plan import Candidate, Plan, Role

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
LONGEST_WAIT: Final = 30.0
LONGEST_BEFORE_FALLBACK: Final = 2.0
SPREAD: Final = 0.25  # of a wait, one second at most: many calls wait for the same moment

Why = Literal["", "backoff", "retry_after", "cool_down"]


class Step(msgspec.Struct, frozen=True, gc=False):
    """The next attempt, after `delay` seconds, for `why`."""

    candidate: Candidate
    delay: float = 0.0
    role: Role | Literal["hedge"] = "target"
    why: Why = ""


class Walk:
    """One call's way through its plan. `random` in [0, 1) spreads the pauses; `now` (seconds since 1970) is when the
    call began; `limit`: seconds that the caller gives it."""

    __slots__ = (
        "_at_fallback",
        "_current",
        "_failures",
        "_fallbacks",
        "_left",
        "_not_before",
        "_policy",
        "_random",
        "_targets",
        "budget",
    )

    def __init__(
        self, plan: Plan, *, random: Callable[[], float], now: float = 0.0, limit: float | None = None
    ) -> None:
        self.budget = plan.budget if limit is None else min(limit, plan.budget)
        self._policy = plan.policy
        self._random = random
        self._targets = plan.candidates
        self._fallbacks = plan.fallbacks
        # By id() of a candidate: seconds since the call began, and why.
        self._not_before: dict[int, tuple[float, Why]] = {}
        if plan.cooling:
            self._not_before = {one: (until - now, "cool_down") for one, until in plan.cooling.items()}
        self._left = 1 + plan.policy.retries
        self._failures = 0
        self._at_fallback = False
        self._current: Candidate

    def first(self, *, elapsed: float = 0.0) -> Step | None:
        """None: all that is left cools down for longer than a call may wait."""
        if self._targets and not self._not_before:
            self._current = self._targets[0]
            self._left -= 1
            return Step(self._current)
        return self._next(elapsed)

    def after(self, error: GatewayError, *, elapsed: float) -> Step | None:
        """The attempt that follows a failed one; `elapsed` seconds since the call began. None: the error stands."""
        if elapsed >= self.budget or not self._may_help(error):
            return None
        self._failures += 1
        if self._at_fallback:
            self._targets = ()  # once a fallback was asked, the targets are behind us
        self._note(error, elapsed)
        return self._next(elapsed)

    def passed_over(self, *, elapsed: float) -> Step | None:
        """The attempt in place of one that is not made after all."""
        self._drop(lambda candidate: candidate is self._current)
        self._left += not self._at_fallback
        self._at_fallback = False
        return self._next(elapsed)

    def postponed(self, *, until: float, elapsed: float) -> Step | None:
        """The attempt in place of one that has to wait (again) until `until`, in seconds since the call began: another
        one, or the same after that."""
        self._not_before[id(self._current)] = (until, "cool_down")
        if self._at_fallback:
            self._fallbacks = (self._current, *self._fallbacks)
            self._at_fallback = False
        else:
            self._left += 1
        return self._next(elapsed)

    def hedge(self, *, elapsed: float) -> Step | None:
        """An attempt beside the present one, with another model that needs no wait; it costs no retry. None: there is
        none. A failure is still told of the present one."""
        for candidate in self._fallbacks if self._at_fallback else (*self._targets, *self._fallbacks):
            until, _ = self._not_before.get(id(candidate), (0.0, ""))
            if not _same_model(candidate, self._current) and until <= elapsed:
                break
        else:
            return None
        self._drop(lambda one: one is candidate)
        return Step(candidate, role="hedge")

    def conclude(self, error: GatewayError | None, *, elapsed: float) -> GatewayError:
        """What the call fails with where no attempt is left after `error` (None: there was none). A refused key of
        ours must not look like one of the caller's."""
        if error is None:
            return self._none_left(elapsed)
        if isinstance(error, UpstreamAuthFailed):
            exhausted = CredentialsExhausted("The provider accepted none of the keys that are stored for it.")
            exhausted.__cause__ = error
            return exhausted
        return error

    def _none_left(self, elapsed: float) -> GatewayError:
        waits = [self._not_before[id(one)][0] for one in self._targets + self._fallbacks if id(one) in self._not_before]
        if waits:
            message = "All models that could serve this call have reached their providers' limits."
            return UpstreamRateLimited(message, retry_after=max(1.0, min(waits) - elapsed))
        return NoHealthyUpstream("No model that could serve this call is healthy at the moment.", retry_after=1)

    def _may_help(self, error: GatewayError) -> bool:
        if isinstance(error, ContextLengthExceeded | Unsupported):
            return True
        if isinstance(error, ContentFiltered):
            return self._policy.content_filter_fallback
        return error.retryable and isinstance(error, UpstreamError)

    def _note(self, error: GatewayError, elapsed: float) -> None:
        """Takes out what is not to be asked again, and lets the rest cool down."""
        failed = self._current
        if isinstance(error, UpstreamAuthFailed):
            self._drop(lambda candidate: _same_key(candidate, failed))
            self._left += 1
        elif isinstance(error, Unsupported):
            self._drop(lambda candidate: _same_model(candidate, failed))  # another of the provider may be able to
            self._left += 1
        elif isinstance(error, ContextLengthExceeded):
            self._drop(lambda candidate: not _is_wider(candidate, failed))
        elif isinstance(error, ContentFiltered | UpstreamTimeout):
            self._drop(lambda candidate: _same_model(candidate, failed))
        else:
            self._fallbacks = tuple(candidate for candidate in self._fallbacks if not _same_model(candidate, failed))
            self._cool(error, elapsed)

    def _cool(self, error: GatewayError, elapsed: float) -> None:
        failed, pause = self._current, error.retry_after
        why: Why = "retry_after"
        if pause is None:
            pause = min(FIRST_PAUSE * 2.0 ** (self._failures - 1), LONGEST_PAUSE) * (1 + 0.25 * self._random())
            why = "backoff"
        for candidate in self._targets:
            one_key_only = isinstance(error, UpstreamRateLimited) and candidate is not failed
            if _same_model(candidate, failed) and not one_key_only:
                self._not_before[id(candidate)] = (elapsed + pause, why)

    def _drop(self, gone: Callable[[Candidate], bool]) -> None:
        self._targets = tuple(candidate for candidate in self._targets if not gone(candidate))
        self._fallbacks = tuple(candidate for candidate in self._fallbacks if not gone(candidate))

    def _next(self, elapsed: float) -> Step | None:
        if self._left > 0:
            longest = LONGEST_BEFORE_FALLBACK if self._fallbacks else LONGEST_WAIT
            step = self._soonest(self._targets, elapsed, "target", longest)
            if step is not None:
                self._left -= 1
                self._current = step.candidate
                return step
        step = self._soonest(self._fallbacks, elapsed, "fallback", LONGEST_WAIT)
        if step is not None:
            self._at_fallback = True
            self._fallbacks = tuple(candidate for candidate in self._fallbacks if candidate is not step.candidate)
            self._current = step.candidate
        return step

    def _soonest(self, candidates: tuple[Candidate, ...], elapsed: float, role: Role, longest: float) -> Step | None:
        """The first of those that need to wait least; None where that is too long."""
        if not candidates:
            return None
        candidate = min(candidates, key=lambda one: max(elapsed, self._not_before.get(id(one), (0.0, ""))[0]))
        until, why = self._not_before.get(id(candidate), (0.0, ""))
        delay = until - elapsed
        if delay <= 0:
            return Step(candidate, role=role)
        if delay > longest or until >= self.budget:
            return None
        spread = min(SPREAD * delay, 1.0) * self._random()
        if why != "backoff" and until + spread < self.budget:  # a pause of our own is spread already
            delay += spread
        return Step(candidate, delay, role, why)


def _same_model(one: Candidate, other: Candidate) -> bool:
    return one.upstream is other.upstream and one.model_id == other.model_id


def _same_key(one: Candidate, other: Candidate) -> bool:
    return one.upstream is other.upstream and one.key is other.key


def _is_wider(one: Candidate, failed: Candidate) -> bool:
    """Is its window known to be larger? Where the failed one's is not known, any that is known may be."""
    window, its = one.model.context_window, failed.model.context_window
    return window is not None and not _same_model(one, failed) and (its is None or window > its)
