"""What a call's attempts are chosen from: candidates, why others are passed over, and what is known of them now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

from llm.errors import GatewayError
from llm.observe.trace import TraceStep
from llm.snapshot import Model, RoutePolicy, Upstream, UpstreamKey

Role = Literal["target", "fallback"]
NO_POLICY: Final = RoutePolicy()
NOTHING_COOLS: Final[Mapping[int, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One model of one provider with one key: what one attempt needs. `model_id` is what the provider is asked for,
    also where `model` is its `*`. `prepared` is for what is made of it once, by those who use it. `name` is
    "provider/model"; `key_id` is "" without a key."""

    upstream: Upstream
    model: Model
    model_id: str
    key: UpstreamKey | None
    prepared: dict[str, Any] = field(default_factory=dict, repr=False)
    name: str = field(init=False)
    provider_id: str = field(init=False)
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.upstream.provider_id}/{self.model_id}")
        object.__setattr__(self, "provider_id", self.upstream.provider_id)
        object.__setattr__(self, "key_id", self.key.key_id if self.key else "")


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands against a candidate until `until` (seconds since 1970). `waits`: it may be waited for, as a limit
    that is lifted; else it is passed over, as what is broken. `category` as in `llm.observe.health_event`."""

    reason: str
    until: float
    waits: bool = False
    category: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A model (or one key of it, by its id) that is not asked, and why. `until`: 0 where time will not mend it."""

    model: str
    role: Role
    reason: str
    key: str = ""
    until: float = 0.0
    category: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Candidates in the order in which they are tried; fallbacks after all of them. `route` is "" without one.

    `cooling`: id() of a candidate -> seconds since 1970 before which it is not to be asked. `skipped` is what was left
    out. `budget`: seconds for the whole call; the route's, else the longest that a provider of the plan allows. `step`:
    the plan in a call's trace. `error`: why nothing is left, where nothing is."""

    candidates: tuple[Candidate, ...]
    fallbacks: tuple[Candidate, ...] = ()
    policy: RoutePolicy = NO_POLICY
    route: str = ""
    strategy: str = ""
    skipped: tuple[Skipped, ...] = ()
    cooling: Mapping[int, float] = field(default_factory=lambda: NOTHING_COOLS)
    error: GatewayError | None = None
    budget: float = field(init=False)
    step: TraceStep = field(init=False)

    def __post_init__(self) -> None:
        budget = self.policy.timeout_seconds
        if budget is None:
            everyone = (*self.candidates, *self.fallbacks)
            budget = max((candidate.upstream.timeouts.total for candidate in everyone), default=0.0)
        object.__setattr__(self, "budget", budget)
        names = tuple(dict.fromkeys(candidate.name for candidate in (*self.candidates, *self.fallbacks)))
        object.__setattr__(self, "step", TraceStep(event="plan", reason=self.strategy, candidates=names))


def narrowed(plan: Plan, judge: Callable[[Candidate], str]) -> Plan:
    """Without the candidates that `judge` has a reason against; each of their models is skipped once for each role."""
    skipped: dict[tuple[str, Role], Skipped] = {}

    def kept(candidates: tuple[Candidate, ...], role: Role) -> tuple[Candidate, ...]:
        left = []
        for candidate in candidates:
            reason = judge(candidate)
            if reason:
                skipped[candidate.name, role] = Skipped(candidate.name, role, reason)
            else:
                left.append(candidate)
        return tuple(left)

    candidates, fallbacks = kept(plan.candidates, "target"), kept(plan.fallbacks, "fallback")
    if not skipped:
        return plan
    return replace(plan, candidates=candidates, fallbacks=fallbacks, skipped=(*plan.skipped, *skipped.values()))


class Conditions(Protocol):
    """What is known of candidates at this moment. All but `turn` only look.

    `troubled`: does anything stand against any candidate? While it is false nobody asks `bar`.
    `first_token`: seconds to the first token as of late (a peak-sensitive moving average); None: not known.
    `busy`: attempts under way with this model. `turn`: how often this route was planned, one more each time.
    """

    @property
    def troubled(self) -> bool: ...

    def bar(self, candidate: Candidate, now: float) -> Bar | None: ...

    def first_token(self, candidate: Candidate) -> float | None: ...

    def busy(self, candidate: Candidate) -> int: ...

    def turn(self, route: str) -> int: ...


class Calm:
    """Conditions of which nothing is known: everything is well and nothing was ever called."""

    troubled: Final = False

    def bar(self, candidate: Candidate, now: float) -> Bar | None:
        return None

    def first_token(self, candidate: Candidate) -> float | None:
        return None

    def busy(self, candidate: Candidate) -> int:
        return 0

    def turn(self, route: str) -> int:
        return 0
