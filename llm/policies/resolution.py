"""What a name stands for: the models, with their keys, that a caller means by what it calls a model.

A name is, in this order: a route; `provider_id/model_id`; a `model_id` of one or several providers. The first of these
that exists decides; if this caller may not use it, it is as unknown as one that does not exist.

Pure, and without time or chance: what is found out holds as long as the snapshot does, which keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from llm.errors import InvalidRequest, ModelNotFound
from llm.policies.plan import NO_POLICY, Candidate, Plan, Role, Skipped
from llm.snapshot import Caller, Model, Route, RouteTarget, Snapshot, Strategy, Upstream, UpstreamKey

DISABLED: Final = "disabled"
NO_KEY: Final = "no usable key"

# What `provider/*` lets a caller name freely: the same ids that an operator may enter.
_FREE_MODEL: Final = re.compile(r"(?!/)(?!.*//)(?!(?:.*/)?\.\.?(?:/|$))[^\x00-\x1f\x7f?#%*]{1,200}(?<!/)")
_MOST_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One model of one provider, with a candidate for each of its keys, expired ones too."""

    upstream: Upstream
    model: Model
    model_id: str
    priority: int
    weight: int
    candidates: tuple[Candidate, ...]

    @property
    def name(self) -> str:
        return f"{self.upstream.provider_id}/{self.model_id}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name stands for, for one caller. `skipped` is what no moment changes: what is disabled or has no key.

    `steady`: the clock has no part in it. `only`: the plan, where nothing but trouble can change it; `plain`: that same
    plan, where nothing in a request has a part in it either."""

    caller: Caller
    chosen: list[Choice]
    fallbacks: list[Choice]
    route: Route | None
    skipped: tuple[Skipped, ...]
    steady: bool
    only: Plan | None
    plain: Plan | None

    @property
    def strategy(self) -> Strategy:
        return self.route.strategy if self.route else "priority"


def resolve(snapshot: Snapshot, caller: Caller, name: str) -> Resolved:
    """`name` ("": the project's default route) for this caller. Raises InvalidRequest (no model and no default route)
    or ModelNotFound."""
    found = snapshot.resolved.get((id(caller), name))
    if isinstance(found, Resolved) and found.caller is caller:
        return found
    found = _resolved(snapshot, caller, name or caller.default_route)
    # Names of models that a caller may choose freely are without number.
    if len(snapshot.resolved) >= _MOST_REMEMBERED:
        snapshot.resolved.clear()
    snapshot.resolved[(id(caller), name)] = found
    return found


def usable(snapshot: Snapshot, caller: Caller, name: str) -> Model | Route:
    """What `name` stands for, for this caller: its route, or the (first) model. Raises ModelNotFound."""
    route = snapshot.providers.routes.get(name)
    chosen = _choices(snapshot, caller, name, route)
    if not chosen and not _fallbacks(snapshot, caller, route):
        raise _unknown(name)
    return route or chosen[0].model


def listed(snapshot: Snapshot, caller: Caller) -> Iterator[tuple[str, Model | Route]]:
    """All names that this caller may use: routes, then `provider/model`; `*` is a rule and no name."""
    for name, route in sorted(snapshot.providers.routes.items()):
        if _choices(snapshot, caller, name, route) or _fallbacks(snapshot, caller, route):
            yield name, route
    for (provider_id, model_id), model in sorted(snapshot.providers.models.items()):
        if model_id != "*" and _may_use(caller, provider_id, model_id):
            yield f"{provider_id}/{model_id}", model


def _resolved(snapshot: Snapshot, caller: Caller, asked: str | None) -> Resolved:
    if not asked:
        raise InvalidRequest("The field 'model' is required: this project has no default route.", param="model")
    route = snapshot.providers.routes.get(asked)
    chosen = _choices(snapshot, caller, asked, route)
    fallbacks = _fallbacks(snapshot, caller, route)
    if not chosen and not fallbacks:
        raise _unknown(asked)
    skipped = (*_keyless(chosen, "target"), *_keyless(fallbacks, "fallback"))
    if route:
        skipped = (*_gone(snapshot, route.targets, "target"), *_gone(snapshot, route.fallbacks, "fallback"), *skipped)
    chosen, fallbacks = _keyed(chosen), _keyed(fallbacks)
    steady = _steady(route, (*chosen, *fallbacks))
    only = _only(chosen, route, skipped) if steady and not fallbacks else None
    plain = only if only is not None and _is_plain(only) else None
    return Resolved(caller, chosen, fallbacks, route, skipped, steady, only, plain)


def _steady(route: Route | None, choices: Iterable[Choice]) -> bool:
    """Keys expire, and prices change."""
    policy = route.policy if route else NO_POLICY
    capped = policy.most_input_price is not None or policy.most_output_price is not None
    expiring = any(one.key is not None and one.key.expires_at for choice in choices for one in choice.candidates)
    return not capped and not expiring


def _only(chosen: list[Choice], route: Route | None, skipped: tuple[Skipped, ...]) -> Plan | None:
    """The plan of one model with one key."""
    if len(chosen) != 1 or len(chosen[0].candidates) != 1:
        return None
    if route is None:
        return Plan(chosen[0].candidates, skipped=skipped)
    return Plan(chosen[0].candidates, (), route.policy, route.name, route.strategy, skipped)


def _is_plain(only: Plan) -> bool:
    """No request is looked into for it: for the session that it belongs to, or for what it needs of the model."""
    return only.policy.affinity == "none" and not only.candidates[0].model.capabilities


def _keyless(choices: Iterable[Choice], role: Role) -> Iterator[Skipped]:
    return (Skipped(choice.name, role, NO_KEY) for choice in choices if not choice.candidates)


def _keyed(choices: Iterable[Choice]) -> list[Choice]:
    return [choice for choice in choices if choice.candidates]


def _gone(snapshot: Snapshot, targets: Iterable[RouteTarget], role: Role) -> Iterator[Skipped]:
    for target in targets:
        if _find(snapshot, target.provider_id, target.model_id) is None:
            yield Skipped(f"{target.provider_id}/{target.model_id}", role, DISABLED)


def _unknown(name: str) -> ModelNotFound:
    shown = name if len(name) <= 200 else f"{name[:200]}..."
    return ModelNotFound(f"The model '{shown}' does not exist or this key may not use it.", param="model")


def _choices(snapshot: Snapshot, caller: Caller, name: str, route: Route | None) -> list[Choice]:
    if route is not None:
        return _found(snapshot, route.targets) if _allowed(caller, (route.name,)) else []
    provider_id, slash, model_id = name.partition("/")
    one = _find(snapshot, provider_id, model_id) if slash else None
    found = [_choice(*one, 1, 1)] if one else _found(snapshot, _everywhere(snapshot, name))
    return [choice for choice in found if _may_use(caller, choice.upstream.provider_id, choice.model_id)]


def _fallbacks(snapshot: Snapshot, caller: Caller, route: Route | None) -> list[Choice]:
    """They serve a route also where all of its targets are disabled."""
    return _found(snapshot, route.fallbacks) if route is not None and _allowed(caller, (route.name,)) else []


def _everywhere(snapshot: Snapshot, model_id: str) -> Iterator[RouteTarget]:
    models = snapshot.models_by_id.get(model_id, ())
    return (RouteTarget(model.provider_id, model_id, model.priority, model.weight) for model in models)


def _found(snapshot: Snapshot, targets: Iterable[RouteTarget]) -> list[Choice]:
    """What is left of the targets once disabled models and providers are gone."""
    found = ((target, _find(snapshot, target.provider_id, target.model_id)) for target in targets)
    return [_choice(*one, target.priority, target.weight) for target, one in found if one]


def _find(snapshot: Snapshot, provider_id: str, model_id: str) -> tuple[Upstream, Model, str] | None:
    upstream = snapshot.providers.upstreams.get(provider_id)
    if upstream is None or model_id == "*":
        return None
    model = snapshot.providers.models.get((provider_id, model_id))
    if model is None and _FREE_MODEL.fullmatch(model_id):
        model = snapshot.providers.models.get((provider_id, "*"))
    return (upstream, model, model_id) if model else None


def _choice(upstream: Upstream, model: Model, model_id: str, priority: int, weight: int) -> Choice:
    """A provider that needs a key and has none is a choice without candidates."""
    keys: list[UpstreamKey | None] = list(upstream.keys)
    if not upstream.needs_key and all(key.expires_at is not None for key in upstream.keys):
        keys.append(None)
    candidates = tuple(Candidate(upstream, model, model_id, key) for key in keys)
    return Choice(upstream, model, model_id, priority, weight, candidates)


def _may_use(caller: Caller, provider_id: str, model_id: str) -> bool:
    return _allowed(caller, (f"{provider_id}/{model_id}", model_id, f"{provider_id}/*"))


def _allowed(caller: Caller, names: tuple[str, ...]) -> bool:
    """Both lists must allow it: a key's list narrows its project's."""
    return all(
        "*" in allowed or any(name in allowed for name in names)
        for allowed in (caller.allowed_models, caller.key_allowed_models)
    )
