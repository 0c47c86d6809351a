"""The plan of one call, decided purely: see docs/decisions/0013-failover.md."""

from __future__ import annotations

from collections.abc import Callable

from llm.policies import capability, route
from llm.policies.plan import Conditions, Plan
from llm.snapshot import Caller, Snapshot
from llm.spec import Request

Serves = Callable[[str, str], bool]


def decide(
    snapshot: Snapshot,
    caller: Caller,
    request: Request,
    *,
    now: float,
    random: Callable[[], float],
    conditions: Conditions,
    session: str = "",
    serves: Serves | None = None,
) -> Plan:
    """`now` in seconds since 1970, `random` in [0, 1). `serves(kind, surface)`: has a kind of provider this surface?
    `session`: whom `affinity` keeps together, as the caller says it."""
    return capability.kept(route.plan(snapshot, caller, request.model, now=now, random=random), request)
