"""What a route leads to now: its candidates in the order of a call, and why the rest is left out.

Read from the snapshot that the data plane would get at this moment, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils import timezone

from llm.snapshot import ProvidersPart, Upstream
from providers import kinds, route_warnings, selectors
from providers.key_state import KeyState
from providers.models import ApiKey, Provider, ProviderModel, Route
from providers.snapshot_part import snapshot_part


@dataclass(frozen=True, slots=True)
class Candidate:
    """`role` is target or fallback; `share`: how often it is tried first among its equals, in percent (rounded), where
    a draw decides; `keys` are the ids of the keys that it may be called with, none where it needs none."""

    model: str
    role: str
    priority: int
    weight: int
    share: int
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


def resolve(route: Route) -> Resolution:
    """Fallbacks come after all targets, in their own order."""
    part = snapshot_part(environment=settings.GATEWAY_ENV, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
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
        found.candidates += _candidates(able, role, by_priority=route.strategy != Route.Strategy.WEIGHTED)
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


def _candidates(able: list[tuple[Any, Upstream]], role: str, *, by_priority: bool) -> list[Candidate]:
    if role == "fallback":  # they keep the order in which they stand
        return [_candidate(item, upstream, role, 100) for item, upstream in able]
    rank = (lambda item: item.get("priority", 1)) if by_priority else (lambda item: 0)
    totals: dict[int, int] = {}
    for item, _ in able:
        totals[rank(item)] = totals.get(rank(item), 0) + item.get("weight", 1)
    ordered = sorted(able, key=lambda pair: (rank(pair[0]), -pair[0].get("weight", 1)))
    return [
        _candidate(item, upstream, role, round(100 * item.get("weight", 1) / max(1, totals[rank(item)])))
        for item, upstream in ordered
    ]


def _candidate(item: Mapping[str, Any], upstream: Upstream, role: str, share: int) -> Candidate:
    return Candidate(
        model=str(item["model"]),
        role=role,
        priority=item.get("priority", 1),
        weight=item.get("weight", 1),
        share=share,
        keys=_keys(upstream),
    )
