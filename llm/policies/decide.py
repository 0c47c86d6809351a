"""The plan of one call, decided purely: see docs/decisions/0013-failover.md.

Live calls go by it, and so does what an operator is told that a call would do (`POST /routes/{name}/explain`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llm.errors import InvalidRequest, NoHealthyUpstream
from llm.policies import affinity, capability, route, window
from llm.policies.plan import Candidate, Conditions, Plan, narrowed
from llm.policies.resolution import Resolved
from llm.snapshot import Caller, Snapshot
from llm.spec import DIALECT_OF_SURFACE, Request

Serves = Callable[[str, str], bool]


def at_once(snapshot: Snapshot, caller: Caller, request: Request, conditions: Conditions) -> Plan | None:
    """What `decide` would say, where that is known from an earlier call of this caller; most calls are such. None: it
    has to be worked out."""
    if conditions.troubled or request.surface:
        return None
    found: Resolved | None = snapshot.resolved.get((id(caller), request.model))
    return found.plain if found is not None and found.caller is caller else None


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
    `session`: whom `affinity` keeps together, as the caller says it.

    Raises InvalidRequest for a body that it has to look into and that is no JSON, or that names no model where the
    project has no default route; ModelNotFound. Where nothing is left to ask the plan has an `error`.
    """
    plan = route.plan(
        snapshot,
        caller,
        request.model,
        now=now,
        random=random,
        conditions=conditions,
        session_key=_session_key(snapshot, caller, request, session),
    )
    if plan.error is not None:
        return plan
    if request.surface:
        return _serving(plan, request.surface, serves) if serves else plan
    left = capability.kept(plan, request)
    if left.error is None:
        return window.kept(left, request)
    waiting = [one.until for one in plan.skipped if one.until]
    if not waiting:
        return left
    # What can do it is down: the call is not wrong, only its time.
    message = "No model that can serve this call is healthy at the moment."
    return replace(left, error=NoHealthyUpstream(message, retry_after=max(1.0, min(waiting) - now)))


def _session_key(snapshot: Snapshot, caller: Caller, request: Request, session: str) -> str | None:
    found = snapshot.providers.routes.get(request.model or caller.default_route or "")
    if found is None or found.policy.affinity == "none":
        return None
    return affinity.key_of(request, session, found.policy.affinity)


def _serving(plan: Plan, surface: str, serves: Serves) -> Plan:
    """Only the candidates whose kind has this surface."""
    if surface in DIALECT_OF_SURFACE:
        return plan

    def judge(candidate: Candidate) -> str:
        return "" if serves(candidate.upstream.kind, surface) else f"does not serve {surface}"

    left = narrowed(plan, judge)
    if left.candidates or left.fallbacks:
        return left
    return replace(left, error=InvalidRequest(f"The provider of this model does not serve '{surface}'.", param="model"))
