"""A configuration file -> the snapshot that calls are made with, without a database.

What cannot be used here is left out and told, and never takes the rest down; what is wrong raises ConfigurationError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

import msgspec

from llm import prices
from llm.adapters.kinds import Kind
from llm.adapters.parameters import LONGEST_SECONDS, TIMEOUTS
from llm.core import policies, shapes
from llm.core.errors import ConfigurationError
from llm.core.reading import Path
from llm.core.shapes import Stated, StatedProvider, Target
from llm.core.surroundings import Surroundings
from llm.core.upstreams import Building
from llm.snapshot import (
    Caller,
    CallersPart,
    Model,
    ProvidersPart,
    Route,
    RoutePolicy,
    RouteTarget,
    Snapshot,
    Strategy,
    Unsupported,
    Upstream,
)

DEFAULT_PROJECT: Final = "default"
MOST_RETRIES: Final = 10
_STRATEGIES: Final[Mapping[str, Strategy]] = {name: name for name in get_args(Strategy)}
_FIELDS: Final = {
    "content_filter_fallback": ("content_filter_fallback",),
    "unsupported": ("unsupported",),
    "stream_guard": ("stream_guard",),
    "affinity": ("affinity",),
    "max_price_usd": ("most_input_price", "most_output_price"),
    "hedge": ("hedge",),
}
_WORDS: Final[Mapping[str, tuple[object, ...]]] = {
    "content_filter_fallback": (True, False),
    "unsupported": get_args(Unsupported),
    "affinity": ("session", "conversation"),
}
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Built:
    """`notes` tell what of the file is not used, a sentence each."""

    snapshot: Snapshot
    notes: tuple[str, ...]


def build(stated: Stated, surroundings: Surroundings, kinds: Mapping[str, Kind]) -> Built:
    """`kinds` are those that there are adapters for."""
    notes = [f"The section {name} has no meaning without a database." for name in stated.unused]
    upstreams: dict[str, Upstream] = {}
    models: dict[tuple[str, str], Model] = {}
    for provider_id, provider in stated.providers.items():
        _check_id(stated, ("providers", provider_id))
        kind = kinds.get(provider.own.provider_type)
        if kind is None:
            notes.append(f"{provider_id} is of the kind {provider.own.provider_type}, which is not known here.")
        elif provider.own.enabled:
            building = Building(provider_id, provider, kind, stated.document, surroundings)
            upstreams[provider_id] = building.upstream()
            models.update({(provider_id, model.model_id): model for model in _models(provider_id, provider)})
            notes += building.notes
    routes = {name: _route(stated, name) for name, route in stated.routes.items() if route.enabled}
    part = ProvidersPart(upstreams, models, routes)
    snapshot = Snapshot(0, surroundings.environment, part, _callers(stated, surroundings.environment))
    return Built(snapshot, tuple(notes))


def _check_id(stated: Stated, path: Path) -> None:
    if not _ID.fullmatch(str(path[-1])):
        message = "a name has 1 to 63 of the characters a-z, 0-9, '.', '_' and '-', beginning with a letter or digit."
        raise ConfigurationError(f"{stated.document.place(path)}: {message}")


def _models(provider_id: str, provider: StatedProvider) -> Iterator[Model]:
    for model_id, model in provider.models.items():
        if model.enabled:
            yield Model(
                provider_id=provider_id,
                model_id=model_id,
                display_name=model.display_name,
                model_type=model.model_type,
                context_window=model.context_window,
                max_tokens=model.max_tokens,
                capabilities=frozenset(model.capabilities),
                parameters=dict(model.parameters),
                priority=model.priority,
                weight=model.weight,
                prices=prices.built([_entry(price) for price in model.prices]),
            )


def _entry(price: shapes.Price) -> dict[str, Any]:
    """As `llm.prices.built` takes it: without what is not stated."""
    plain: dict[str, Any] = msgspec.to_builtins(price)
    return {name: value for name, value in plain.items() if value is not None}


def _route(stated: Stated, name: str) -> Route:
    route, path = stated.routes[name], ("routes", name)
    _check_id(stated, path)
    strategy = _STRATEGIES.get(route.strategy)
    if strategy is None:
        shown = stated.document.place((*path, "strategy"))
        raise ConfigurationError(f"{shown}: it must be one of {', '.join(_STRATEGIES)}.")
    return Route(
        name=name,
        targets=_targets(stated, (*path, "targets"), route.targets),
        fallbacks=_targets(stated, (*path, "fallbacks"), route.fallbacks),
        strategy=strategy,
        policy=_policy(stated, (*path, "policy"), route.policy),
    )


def _targets(stated: Stated, path: Path, targets: Sequence[Target]) -> tuple[RouteTarget, ...]:
    found = []
    for place, target in enumerate(targets):
        provider_id, _, model_id = target.model.partition("/")
        provider = stated.providers.get(provider_id)
        if provider is None or not provider.models.keys() & {model_id, "*"}:
            raise ConfigurationError(f"{stated.document.place((*path, place))}: there is no model {target.model}.")
        if target.enabled:
            found.append(RouteTarget(provider_id, model_id, target.priority, target.weight))
    return tuple(found)


def _policy(stated: Stated, path: Path, said: Mapping[str, Any]) -> RoutePolicy:
    """All of it but a cache, which needs a database."""
    given = {name: value for name, value in said.items() if value is not None}
    retries = given.pop("retries", RoutePolicy().retries)
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= MOST_RETRIES:
        shown = stated.document.place((*path, "retries"))
        raise ConfigurationError(f"{shown}: it must be a whole number from 0 to {MOST_RETRIES}.")
    limits: dict[str, Any] = {
        name: _seconds(stated, (*path, name), given.pop(name)) for name in TIMEOUTS if name in given
    }
    found = RoutePolicy(retries=retries, **limits)
    for name, value in given.items():
        found = _with(stated, (*path, name), value, found)
    return found


def _with(stated: Stated, path: Path, value: Any, policy: RoutePolicy) -> RoutePolicy:
    """The policy, and one field of it as a file writes it."""
    name = str(path[-1])
    if name == "cache":
        raise ConfigurationError(f"{stated.document.place(path)}: this needs a database.")
    if name not in _FIELDS or (name in _WORDS and value not in _WORDS[name]):
        raise ConfigurationError(f"{stated.document.place(path)}: there is no such policy.")
    try:
        made = policies.built({name: value})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{stated.document.place(path)}: this is no such policy.") from error
    return replace(policy, **{field: getattr(made, field) for field in _FIELDS[name]})


def _seconds(stated: Stated, path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_SECONDS:
        message = f"it must be a number of seconds above 0, at most {LONGEST_SECONDS}."
        raise ConfigurationError(f"{stated.document.place(path)}: {message}")
    return float(value)


def _callers(stated: Stated, environment: str) -> CallersPart:
    """The projects of the file; without any, one that may use everything."""
    if not stated.projects:
        return CallersPart({}, {DEFAULT_PROJECT: Caller(DEFAULT_PROJECT, None, accept_tasks=True)})
    return CallersPart(
        by_key_hash={},
        by_project={
            slug: Caller(
                project=slug,
                key_id=None,
                allowed_models=tuple(project.allowed_models),
                default_route=project.default_route or None,
                accept_tasks=project.accept_tasks,
                tags=dict(project.tags),
            )
            for slug, project in stated.projects.items()
            if project.enabled and project.environment in ("", environment)
        },
    )
