"""Conditions as a test says them, and small routes over providers that are named by a letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llm.policies import route
from llm.policies.plan import Bar, Candidate, Plan
from llm.prices import Price, Rates
from llm.snapshot import Caller, Model, Route, RoutePolicy, RouteTarget, Snapshot, Strategy, Upstream
from tests.llm.service.snapshots import snapshot, upstream

ANYONE = Caller("default", "key-a")
USD = 10**9  # in nano-USD


@dataclass
class Known:
    """`bars` by provider, or by "provider KEY"; `speeds` and `loads` by provider."""

    bars: Mapping[str, Bar] = field(default_factory=dict)
    speeds: Mapping[str, float] = field(default_factory=dict)
    loads: Mapping[str, int] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)

    @property
    def troubled(self) -> bool:
        return bool(self.bars)

    def bar(self, candidate: Candidate, now: float) -> Bar | None:
        provider_id = candidate.upstream.provider_id
        key = candidate.key.key_id if candidate.key else ""
        return self.bars.get(f"{provider_id} {key}") or self.bars.get(provider_id)

    def first_token(self, candidate: Candidate) -> float | None:
        return self.speeds.get(candidate.upstream.provider_id)

    def busy(self, candidate: Candidate) -> int:
        return self.loads.get(candidate.upstream.provider_id, 0)

    def turn(self, route: str) -> int:
        self.turns[route] = self.turns.get(route, -1) + 1
        return self.turns[route]


def routed(
    strategy: Strategy,
    targets: Mapping[str, tuple[int, int]],
    *,
    fallbacks: str = "",
    prices: Mapping[str, tuple[int, int]] | None = None,
    policy: RoutePolicy = RoutePolicy(),
    upstreams: Mapping[str, Upstream] | None = None,
) -> Snapshot:
    """A route "r" to the model `m` of each provider: `targets` is {"a": (priority, weight)}, `prices` {"a": (input,
    output)} in USD per million tokens."""
    everyone = sorted({*targets, *fallbacks})
    priced = {name: (Price(rates=Rates(one[0] * USD, one[1] * USD)),) for name, one in (prices or {}).items()}
    made = Route(
        "r",
        tuple(RouteTarget(name, "m", *one) for name, one in targets.items()),
        tuple(RouteTarget(name, "m") for name in fallbacks),
        strategy,
        policy,
    )
    return snapshot(
        [(upstreams or {}).get(name) or upstream(name) for name in everyone],
        [Model(name, "m", prices=priced.get(name, ())) for name in everyone],
        [made],
    )


def planned(
    config: Snapshot, conditions: Known | None = None, *, random: Callable[[], float] | float = 0.0, **given: Any
) -> Plan:
    """`given` are `now` (0 if nothing is said) and `session_key`."""
    draw = random if callable(random) else lambda: random
    given.setdefault("now", 0.0)
    return route.plan(config, ANYONE, "r", random=draw, conditions=conditions or Known(), **given)


def order(plan: Plan) -> str:
    """The providers in the order in which they are tried: "ab|c", fallbacks behind the bar."""
    parts = ["".join(one.upstream.provider_id for one in part) for part in (plan.candidates, plan.fallbacks)]
    return "|".join(part for part in parts if part)
