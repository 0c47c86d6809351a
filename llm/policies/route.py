"""Where a call goes: from the model that the caller names to the candidates for its attempts, in order.

A name is, in this order: a route; `provider_id/model_id`; a `model_id` of one or several providers. The first of these
that exists decides; if this caller may not use it, it is as unknown as one that does not exist.

Pure: randomness and time come in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from llm.errors import CredentialsExhausted, InvalidRequest, ModelNotFound
from llm.policies.plan import NO_POLICY, Candidate, Plan
from llm.snapshot import Caller, Model, Route, RouteTarget, Snapshot, Upstream, UpstreamKey

T = TypeVar("T")
Random = Callable[[], float]

# What `provider/*` lets a caller name freely: the same ids that an operator may enter.
_FREE_MODEL: Final = re.compile(r"(?!/)(?!.*//)(?!(?:.*/)?\.\.?(?:/|$))[^\x00-\x1f\x7f?#%*]{1,200}(?<!/)")
_MOST_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class _Choice:
    """One model of one provider, with a candidate for each of its keys, expired ones too."""

    upstream: Upstream
    model: Model
    model_id: str
    priority: int
    weight: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What a name stands for, for one caller, as long as the snapshot holds. `only`: the plan, where neither time nor
    chance has a part in it."""

    caller: Caller
    chosen: list[_Choice]
    fallbacks: list[_Choice]
    route: Route | None
    only: Plan | None


def plan(snapshot: Snapshot, caller: Caller, name: str, *, now: float, random: Random) -> Plan:
    """Resolves `name` ("": the project's default route) for this caller. `now` in seconds since 1970, `random` in
    [0, 1).

    Raises InvalidRequest (no model and no default route), ModelNotFound, or CredentialsExhausted where every model
    exists but no provider has a usable key.
    """
    found = snapshot.resolved.get((id(caller), name))
    if not isinstance(found, _Resolved) or found.caller is not caller:
        found = _remembered(snapshot, caller, name)
    if found.only is not None:
        return found.only
    route = found.route
    ordered = _ordered(found.chosen, random, by_priority=route is None or route.strategy != "weighted")
    result = Plan(
        candidates=tuple(_with_keys(ordered, now, random)),
        fallbacks=tuple(_with_keys(found.fallbacks, now, random)),
        policy=route.policy if route else NO_POLICY,
        route=route.name if route else "",
    )
    if not result.candidates and not result.fallbacks:
        raise CredentialsExhausted("No usable key is stored for the provider of this model.")
    return result


def _remembered(snapshot: Snapshot, caller: Caller, name: str) -> _Resolved:
    """The snapshot keeps it: names of models that a caller may choose freely are bounded."""
    asked = name or caller.default_route
    if not asked:
        raise InvalidRequest("The field 'model' is required: this project has no default route.", param="model")
    route = snapshot.providers.routes.get(asked)
    chosen = _choices(snapshot, caller, asked, route)
    if not chosen:
        raise _unknown(asked)
    fallbacks = _found(snapshot, route.fallbacks) if route else []
    found = _Resolved(caller, chosen, fallbacks, route, _only(chosen, fallbacks, route))
    if len(snapshot.resolved) >= _MOST_REMEMBERED:
        snapshot.resolved.clear()
    snapshot.resolved[(id(caller), name)] = found
    return found


def _only(chosen: list[_Choice], fallbacks: list[_Choice], route: Route | None) -> Plan | None:
    """The plan of one model with one key that never expires."""
    if len(chosen) != 1 or fallbacks or len(chosen[0].candidates) != 1:
        return None
    (candidate,) = chosen[0].candidates
    if candidate.key is not None and candidate.key.expires_at is not None:
        return None
    return Plan((candidate,), policy=route.policy if route else NO_POLICY, route=route.name if route else "")


def usable(snapshot: Snapshot, caller: Caller, name: str) -> Model | Route:
    """What `name` stands for, for this caller: its route, or the (first) model. Raises ModelNotFound."""
    route = snapshot.providers.routes.get(name)
    chosen = _choices(snapshot, caller, name, route)
    if not chosen:
        raise _unknown(name)
    return route or chosen[0].model


def listed(snapshot: Snapshot, caller: Caller) -> Iterator[tuple[str, Model | Route]]:
    """All names that this caller may use: routes, then `provider/model`; `*` is a rule and no name."""
    for name, route in sorted(snapshot.providers.routes.items()):
        if _choices(snapshot, caller, name, route):
            yield name, route
    for (provider_id, model_id), model in sorted(snapshot.providers.models.items()):
        if model_id != "*" and _may_use(caller, provider_id, model_id):
            yield f"{provider_id}/{model_id}", model


def _unknown(name: str) -> ModelNotFound:
    shown = name if len(name) <= 200 else f"{name[:200]}..."
    return ModelNotFound(f"The model '{shown}' does not exist or this key may not use it.", param="model")


def _choices(snapshot: Snapshot, caller: Caller, name: str, route: Route | None) -> list[_Choice]:
    if route is not None:
        return _found(snapshot, route.targets) if _allowed(caller, (route.name,)) else []
    provider_id, slash, model_id = name.partition("/")
    one = _find(snapshot, provider_id, model_id) if slash else None
    found = [_choice(*one, 1, 1)] if one else _found(snapshot, _everywhere(snapshot, name))
    return [choice for choice in found if _may_use(caller, choice.upstream.provider_id, choice.model_id)]


def _everywhere(snapshot: Snapshot, model_id: str) -> Iterator[RouteTarget]:
    models = snapshot.models_by_id.get(model_id, ())
    return (RouteTarget(model.provider_id, model_id, model.priority, model.weight) for model in models)


def _found(snapshot: Snapshot, targets: Iterable[RouteTarget]) -> list[_Choice]:
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


def _choice(upstream: Upstream, model: Model, model_id: str, priority: int, weight: int) -> _Choice:
    """A provider that needs a key and has none is a choice without candidates."""
    keys: list[UpstreamKey | None] = list(upstream.keys)
    if not upstream.needs_key and all(key.expires_at is not None for key in upstream.keys):
        keys.append(None)
    candidates = tuple(Candidate(upstream, model, model_id, key) for key in keys)
    return _Choice(upstream, model, model_id, priority, weight, candidates)


def _may_use(caller: Caller, provider_id: str, model_id: str) -> bool:
    return _allowed(caller, (f"{provider_id}/{model_id}", model_id, f"{provider_id}/*"))


def _allowed(caller: Caller, names: tuple[str, ...]) -> bool:
    """Both lists must allow it: a key's list narrows its project's."""
    return all(
        "*" in allowed or any(name in allowed for name in names)
        for allowed in (caller.allowed_models, caller.key_allowed_models)
    )


def _ordered(choices: list[_Choice], random: Random, *, by_priority: bool) -> list[_Choice]:
    """Lower priority first; among equals a draw by weight."""
    if len(choices) == 1:
        return choices
    if not by_priority:
        return _drawn(choices, [choice.weight for choice in choices], random)
    ordered: list[_Choice] = []
    for priority in sorted({choice.priority for choice in choices}):
        equals = [choice for choice in choices if choice.priority == priority]
        ordered += _drawn(equals, [choice.weight for choice in equals], random)
    return ordered


def _drawn(items: Sequence[T], weights: Sequence[int], random: Random) -> list[T]:
    """All items in a random order, each place drawn by weight. Weight 0 comes last: it is asked only in need."""
    left = list(zip(items, weights, strict=True))
    drawn: list[T] = []
    while total := sum(weight for _, weight in left):
        point = random() * total
        for place, (item, weight) in enumerate(left):  # noqa: B007  # reason: `place` is what the search finds
            point -= weight
            if point < 0:
                break
        drawn.append(item)
        del left[place]
    return drawn + [item for item, _ in left]


def _with_keys(choices: Iterable[_Choice], now: float, random: Random) -> Iterator[Candidate]:
    """Each choice once per usable key, drawn by weight. A provider that needs a key and has none is left out."""
    for choice in choices:
        keyed = [one for one in choice.candidates if one.key is not None and _holds(one.key, now)]
        if len(keyed) > 1:
            keyed = _drawn(keyed, [one.key.weight for one in keyed if one.key is not None], random)
        yield from keyed or [one for one in choice.candidates if one.key is None]


def _holds(key: UpstreamKey, now: float) -> bool:
    return key.expires_at is None or key.expires_at.timestamp() > now
