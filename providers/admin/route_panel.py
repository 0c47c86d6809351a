"""What stands on a route's page of what a call of it would do now: from the same code as `POST .../explain`."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from audit import health_state
from audit.health_models import HealthState
from providers import usage
from providers.call_plan import CallPlan, Question
from providers.models import ApiKey, Route
from providers.resolution import Explanation, explain


def panel(route: Route) -> str:
    """HTML: candidates in order, what is passed over and why, and which breakers are not closed."""
    found = explain(route, Question())
    assert found.plan is not None
    names = _key_names(found.plan)
    shown = {
        "explanation": found,
        "plan": found.plan,
        "candidates": _candidates(found, found.plan, names),
        "passed_over": _passed_over(found, found.plan, names),
        "states": [{"row": row, "key": names.get(_key_of(row), "")} for row in states(route)],
    }
    return render_to_string("admin/providers/call_plan.html", shown)


def states(route: Route) -> list[HealthState]:
    """Of the route's providers, their keys and its models those that are not well."""
    models = usage.targets_of(route)
    rows = health_state.current(now=timezone.now()).filter(provider__in=usage.providers_of(route))
    return [row for row in rows.order_by("kind", "name") if row.kind != "model" or row.name in models]


def _candidates(found: Explanation, plan: CallPlan, names: dict[str, str]) -> list[dict[str, Any]]:
    shares = {(one.model, one.role): one.share for one in found.candidates}
    return [
        {"planned": one, "key": names.get(one.key, one.key), "share": shares.get((one.model, one.role))}
        for one in plan.candidates
    ]


def _passed_over(found: Explanation, plan: CallPlan, names: dict[str, str]) -> list[dict[str, Any]]:
    """What the configuration leaves out is told by `left_out`, which knows better why."""
    known = {(one.model, one.role) for one in found.left_out}
    rows = [{"model": one.model, "role": one.role, "reason": one.reason} for one in found.left_out]
    return rows + [
        {
            "model": one.model,
            "role": one.role,
            "reason": one.reason,
            "until": one.until,
            "key": names.get(one.key, one.key),
        }
        for one in plan.skipped
        if (one.model, one.role) not in known
    ]


def _key_names(plan: CallPlan) -> dict[str, str]:
    ids = {one.key for one in (*plan.candidates, *plan.skipped)} - {""}
    return dict(ApiKey.objects.filter(key_id__in=ids).values_list("key_id", "name"))


def _key_of(row: HealthState) -> str:
    return row.name.partition("/")[2] if row.kind == "key" else ""
