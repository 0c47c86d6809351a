"""What a route leads to now: its candidates in the order of a call, and why the rest is left out.

Read from the snapshot that the data plane would get at this moment, so that both say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from django.conf import settings
from django.utils import timezone

from llm.prices import price_at
from llm.snapshot import ProvidersPart, Upstream
from providers import call_plan, kinds, route_warnings, selectors
from providers.call_plan import CallPlan, Question
from providers.key_state import KeyState
from providers.models import ApiKey, Provider, ProviderModel, Route
from providers.snapshot_part import snapshot_part

Able = tuple[Mapping[str, Any], Upstream]
_BY_THE_MOMENT = (Route.Strategy.LEAST_LATENCY, Route.Strategy.LEAST_BUSY)


@dataclass(frozen=True, slots=True)
class Candidate:
    """`role` is target or fallback; `share`: how often it is tried first among its equals, in percent (rounded), None
    where speed or load decides; `keys` are the ids of the keys that it may be called with, none where it needs none."""

    model: str
    role: str
    priority: int
    weight: int
    share: int | None
    keys: list[str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    model: str
    role: str
    reason: str


@dataclass(slots=True)
class Resolution:
    name: str
    enabled: bool
    strategy: str
    environment: str
    candidates: list[Candidate] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Explanation(Resolution):
    """`plan` is what the call that was asked about would do."""

    plan: CallPlan | None = None


def resolve(route: Route) -> Resolution:
    """Fallbacks come after all targets, in their own order."""
    return _resolved(route, _part())


def explain(route: Route, question: Question) -> Explanation:
    """What the route leads to, and what a call of it would do now. ValidationError where the question is wrong."""
    part = _part()
    found = _resolved(route, part)
    whole = {name: getattr(found, name) for name in Resolution.__dataclass_fields__}
    return Explanation(**whole, plan=call_plan.planned(part, route.name, question))


def _part() -> ProvidersPart:
    return snapshot_part(environment=settings.GATEWAY_ENV, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)


def _resolved(route: Route, part: ProvidersPart) -> Resolution:
    found = Resolution(route.name, route.enabled, route.strategy, settings.GATEWAY_ENV)
    found.warnings = route_warnings.warnings(route, route_warnings.models_of([route]))
    for role, items in (("target", route.targets), ("fallback", route.fallbacks)):
        able = []
        for item in items:
            reason, upstream = _judged(item, part)
            if upstream is None:
                found.left_out.append(LeftOut(str(item["model"]), role, reason))
            else:
                able.append((item, upstream))
        found.candidates += _targets(able, route.strategy, part) if role == "target" else _fallbacks(able)
    return found


def _judged(item: Mapping[str, Any], part: ProvidersPart) -> tuple[str, Upstream | None]:
    """The provider that is called, or why none is."""
    provider_id, _, model_id = str(item["model"]).partition("/")
    if not item.get("enabled", True):
        return "the target is disabled", None
    upstream = part.upstreams.get(provider_id)
    if upstream is None:
        return _why_no_provider(provider_id), None
    if (provider_id, model_id) not in part.models and (provider_id, "*") not in part.models:
        disabled = ProviderModel.objects.filter(provider=provider_id, model_id=model_id).exists()
        return ("the model is disabled" if disabled else "there is no such model"), None
    if upstream.needs_key and not _keys(upstream):
        return _why_no_key(provider_id), None
    return "", upstream


def _why_no_provider(provider_id: str) -> str:
    provider = Provider.objects.filter(provider_id=provider_id).first()
    if provider is None:
        return "there is no such provider"
    return "the provider cannot be built: see the log" if provider.enabled else "the provider is disabled"


def _why_no_key(provider_id: str) -> str:
    """By the states of its keys, which are not shown themselves."""
    provider = Provider.objects.get(provider_id=provider_id)
    if not (kinds.default_base_url(provider.provider_type) or _has_base(provider)):
        return "the provider has no api_base"
    keys = list(selectors.keys_of(provider_id))
    if not keys:
        return "the provider has no key"
    states = {selectors.key_state(key): key for key in keys}
    if KeyState.ACTIVE in states:
        return "the provider is closed: its proxy must be entered anew"
    return "no usable key: " + ", ".join(_said(key) for key in keys)


def _has_base(provider: Provider) -> bool:
    return provider.connection_parameters.filter(param_name="api_base").exists()


def _said(key: ApiKey) -> str:
    return f"{key.name} ({selectors.key_state(key).replace('_', ' ')})"


def _keys(upstream: Upstream) -> list[str]:
    now = timezone.now()
    return [key.key_id for key in upstream.keys if key.expires_at is None or key.expires_at > now]


def _fallbacks(able: list[Able]) -> list[Candidate]:
    """They keep the order in which they stand."""
    return [_candidate(item, upstream, "fallback", 100) for item, upstream in able]


def _targets(able: list[Able], strategy: str, part: ProvidersPart) -> list[Candidate]:
    """In the order of their ranks; of those of one rank the greatest weight first."""
    now = timezone.now().timestamp()
    ranks = [_rank(item, strategy, part, now) for item, _ in able]
    totals: Counter[Any] = Counter()
    for rank, (item, _) in zip(ranks, able, strict=True):
        totals[rank] += item.get("weight", 1)
    found = []
    for rank, (item, upstream) in sorted(
        zip(ranks, able, strict=True), key=lambda pair: (pair[0], -pair[1][0].get("weight", 1))
    ):
        drawn = strategy not in _BY_THE_MOMENT or ranks.count(rank) == 1
        share = round(100 * item.get("weight", 1) / max(1, totals[rank])) if drawn else None
        found.append(_candidate(item, upstream, "target", share))
    return found


def _rank(item: Mapping[str, Any], strategy: str, part: ProvidersPart, now: float) -> tuple[float, ...]:
    """The lowest goes first; of equals a draw by weight decides, or turns, speed or load: see llm.policies.strategies,
    which may know more at the moment of a call."""
    priority, weight = item.get("priority", 1), item.get("weight", 1)
    if strategy == Route.Strategy.WEIGHTED:
        return (0,)
    if strategy != Route.Strategy.LOWEST_COST:
        return (priority,)
    provider_id, _, model_id = str(item["model"]).partition("/")
    model = part.models.get((provider_id, model_id)) or part.models[provider_id, "*"]
    price = price_at(model.prices, now)
    return (weight <= 0, price.rates.input + price.rates.output if price else inf, priority)


def _candidate(item: Mapping[str, Any], upstream: Upstream, role: str, share: int | None) -> Candidate:
    return Candidate(
        model=str(item["model"]),
        role=role,
        priority=item.get("priority", 1),
        weight=item.get("weight", 1),
        share=share,
        keys=_keys(upstream),
    )
