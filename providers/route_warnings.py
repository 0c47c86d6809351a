"""What an operator should know of a route that is allowed and may still surprise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm.capabilities import CAPABILITIES, missing
from providers import policy_warnings, usage
from providers.models import ProviderModel, Route

ModelsByName = Mapping[str, ProviderModel]
Target = Mapping[str, Any]


def models_of(routes: Iterable[Route]) -> ModelsByName:
    """What the routes name, by "provider/model", in one query; `*` stands for the ids that a provider does not list."""
    wanted = set[str]().union(*(usage.targets_of(route) for route in routes))
    ids = {name.partition("/")[2] for name in wanted} | {"*"}
    rows = ProviderModel.objects.filter(model_id__in=ids).select_related("provider")
    stored = {f"{row.provider_id}/{row.model_id}": row for row in rows}
    found = {name: stored.get(name) or stored.get(f"{name.partition('/')[0]}/*") for name in wanted}
    return {name: row for name, row in found.items() if row is not None}


def warnings(route: Route, models: ModelsByName) -> list[str]:
    """Of what follows the first target: what it lacks; of all: what cannot be called, or has a price in its way; of the
    policy: what comes to nothing. `models` as of models_of."""
    targets, fallbacks = _enabled(route.targets), _enabled(route.fallbacks)
    found = [text for target in (*targets, *fallbacks) for text in _not_callable(str(target["model"]), models)]
    found += policy_warnings.warnings(route, targets, fallbacks, models)
    primary = min(targets, key=lambda target: target.get("priority", 1), default=None)
    if primary is None:
        return ["All targets are disabled: only fallbacks are left.", *found]
    first = models.get(str(primary["model"]))
    if first is None:
        return found
    later = [target for target in targets if target.get("priority", 1) > primary.get("priority", 1)]
    for target in (*later, *fallbacks):
        row = models.get(str(target["model"]))
        if row is not None and target["model"] != primary["model"]:
            found += _falls_short(str(target["model"]), row, str(primary["model"]), first)
    return list(dict.fromkeys(found))


def _enabled(items: Sequence[Target]) -> list[Target]:
    return [item for item in items if item.get("enabled", True)]


def _not_callable(name: str, models: ModelsByName) -> list[str]:
    row = models.get(name)
    if row is None:
        return [f"{name} does not exist: it is passed over."]
    if not row.provider.enabled:
        return [f"{name} is passed over: its provider is disabled."]
    return [] if row.enabled else [f"{name} is passed over: it is disabled."]


def _falls_short(name: str, row: ProviderModel, primary: str, first: ProviderModel) -> list[str]:
    """One sentence each; nothing where a model's capabilities do not say."""
    found = []
    lacking = sorted(missing(_words(row)) & _able(first))
    if lacking:
        found.append(f"{name} lacks what {primary} can: {', '.join(lacking)}.")
    if row.model_type != first.model_type:
        found.append(f"{name} is of type {row.model_type}, {primary} of type {first.model_type}.")
    for field, what in (("context_window", "context window"), ("max_tokens", "largest answer")):
        mine, its = getattr(row, field), getattr(first, field)
        if mine is not None and its is not None and mine < its:
            found.append(f"{name} has a smaller {what} than {primary}: {mine} tokens, not {its}.")
    return found


def _words(row: ProviderModel) -> frozenset[str]:
    return frozenset(str(word) for word in row.capabilities)


def _able(row: ProviderModel) -> frozenset[str]:
    """What the operator says that the model can; nothing where nobody said."""
    lacking = missing(_words(row))
    return CAPABILITIES - lacking if lacking else frozenset()
