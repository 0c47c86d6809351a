"""Writes of routes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from audit.errors import Duplicate
from audit.history import change_set
from providers import names, usage
from providers.models import ProviderModel, Route
from providers.problems import Problems, assign, check_columns, refuse
from providers.services import route_policy

FIELDS = ("description", "enabled", "strategy", "targets", "fallbacks", "policy")
_TARGET = {"priority": 1, "weight": 1, "enabled": True}


def create_route(*, name: str, **fields: Any) -> Route:
    """`fields` are those of FIELDS; `targets` is required. Duplicate where the name is taken."""
    route = Route(name=name)
    with change_set():
        if isinstance(name, str) and Route.objects.filter(name=name).exists():
            raise Duplicate({"name": [f'There is a route "{name}" already.']})
        assign(route, fields, allowed=FIELDS)
        _check(route, changed=FIELDS)
        route.save()
    return route


def update_route(*, route: Route, **fields: Any) -> Route:
    """Only what `fields` says changes; a list of targets replaces the one before. `name` may be said again."""
    if fields.pop("name", route.name) != route.name:
        raise refuse("name", "It never changes after creation.")
    with change_set():
        route = Route.objects.get(pk=route.pk)
        changed = {name for name, value in fields.items() if getattr(route, name, None) != value}
        assign(route, fields, allowed=FIELDS)
        _check(route, changed=changed)
        route.save()
    return route


def delete_route(*, route: Route) -> None:
    """InUse where a project names it."""
    with change_set():
        usage.check_route(route)
        route.delete()


def _check(route: Route, *, changed: Collection[str]) -> None:
    problems = Problems()
    check_columns(route, problems, exclude=["targets", "fallbacks", "policy", "strategy"])
    if route.strategy not in Route.Strategy.values:
        problems.add("strategy", f"It must be one of {', '.join(Route.Strategy.values)}.")
    for field in {"targets", "fallbacks"} & set(changed):
        setattr(route, field, _targets(field, getattr(route, field), problems))
    if not route.targets and "targets" not in problems:
        problems.add("targets", "A route needs at least one target.")
    if "policy" in changed:
        with problems.under():
            route_policy.check(route.policy)
    problems.raise_found()


def _targets(field: str, value: Any, problems: Problems) -> Any:
    """The targets with every field filled in."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        problems.add(field, 'It must be a list: [{"model": "openai/gpt-4o"}].')
        return value
    seen: set[str] = set()
    for place, item in enumerate(value):
        with problems.under(f"{field}.{place}"):
            _check_target(item, seen)
    return [{**_TARGET, **item} for item in value]


def _check_target(item: Mapping[str, Any], seen: set[str]) -> None:
    names.check_json("model", item)
    for name in sorted(item.keys() - {"model", *_TARGET}):
        raise refuse(name[:60], "There is no such field.")
    model = item.get("model")
    if not isinstance(model, str):
        raise refuse("model", 'It must be a text: "provider_id/model_id".')
    if model in seen:
        raise refuse("model", "It stands in this list twice.")
    seen.add(model)
    if not _exists(model):
        raise refuse("model", _why_not(model))
    for field in ("priority", "weight"):
        names.check_whole_number(field, item.get(field, 1), largest=names.LARGEST_SMALL)
    if not isinstance(item.get("enabled", True), bool):
        raise refuse("enabled", "It must be true or false.")


def _exists(name: str) -> bool:
    provider_id, _, model_id = name.partition("/")
    if not model_id or model_id == "*":
        return False
    names.check_model_id(model_id)
    return ProviderModel.objects.filter(provider=provider_id, model_id__in=[model_id, "*"]).exists()


def _why_not(name: str) -> str:
    if Route.objects.filter(name=name).exists():
        return f'"{name}" is a route: targets are models ("provider_id/model_id"), so routes cannot go in circles.'
    return f'There is no model "{name[:320]}".'
