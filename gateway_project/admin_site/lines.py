"""The dashboard's lines: what each provider is good for and how its calls went, and the models used most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from audit import usage
from providers import selectors
from providers.key_state import KeyState
from providers.kinds import needs_key
from providers.models import Provider

READY, NO_KEY, NO_MODEL, DISABLED = "enabled", "no usable key", "no model", "disabled"
COLOURS = {READY: "success", NO_KEY: "warning", NO_MODEL: "warning", DISABLED: "danger"}


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """`state` is one of the words above, `keys` in words; `last_call_at` may lie before the window."""

    provider_id: str
    name: str
    url: str
    state: str
    colour: str
    keys: str
    totals: usage.Totals
    last_call_at: datetime | None


def of_providers(overview: usage.Overview, providers: Iterable[Provider]) -> list[ProviderLine]:
    """Every provider that there is, most used first; `providers` with their children prefetched."""
    used = {row.provider: row for row in overview.by_provider}
    lines = [_line(provider, used.get(provider.provider_id)) for provider in providers]
    return sorted(lines, key=lambda line: (-line.totals.requests, line.provider_id))


def state(provider: Provider) -> str:
    """What stands between the provider and a call."""
    if not provider.enabled:
        return DISABLED
    if not any(model.enabled for model in provider.models.all()):
        return NO_MODEL
    return READY if has_key(provider) else NO_KEY


def has_key(provider: Provider) -> bool:
    """Has it a key that a call could use now, or needs it none?"""
    return not needs_key(provider.provider_type) or _active_keys(provider) > 0


def _active_keys(provider: Provider) -> int:
    return sum(selectors.key_state(key) == KeyState.ACTIVE for key in provider.api_keys.all())


def _line(provider: Provider, row: usage.ProviderRow | None) -> ProviderLine:
    word = state(provider)
    used = [selectors.last_used_at(key) for key in provider.api_keys.all()]
    return ProviderLine(
        provider_id=provider.provider_id,
        name=provider.display_name,
        url=reverse("admin:providers_provider_change", args=[provider.pk]),
        state=word,
        colour=COLOURS[word],
        keys=_keys(provider),
        totals=row.totals if row else usage.Totals(),
        last_call_at=_newest([row.last_call_at if row else None, *used]),
    )


def _keys(provider: Provider) -> str:
    stored = len(provider.api_keys.all())
    if stored:
        return f"{_active_keys(provider)} of {stored} usable"
    return "none" if needs_key(provider.provider_type) else "none needed"


def _newest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
