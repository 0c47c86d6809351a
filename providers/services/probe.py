"""What probes leave behind. It is no decision of an operator's, and no revision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from providers.models import ApiKey, ApiKeyState, Provider, ProviderState


def claim_provider(*, provider: Provider, last: datetime | None, now: datetime) -> bool:
    """May this process make the probe that is due? Of several on one database that saw the same `last`, one may."""
    if last is None:
        ProviderState.objects.bulk_create([ProviderState(provider=provider)], ignore_conflicts=True)
    return bool(ProviderState.objects.filter(provider=provider, last_probe_at=last).update(last_probe_at=now))


def claim_key(*, key: ApiKey, last: datetime | None, now: datetime) -> bool:
    """The same for a key that was refused."""
    if last is None:
        ApiKeyState.objects.bulk_create([ApiKeyState(api_key=key)], ignore_conflicts=True)
    return bool(ApiKeyState.objects.filter(api_key=key, last_probe_at=last).update(last_probe_at=now))


def keep_probe(*, provider: Provider, result: dict[str, Any], failed: bool | None) -> int:
    """Keeps the result; how many failed in a row by now. `failed` None: it said nothing."""
    changed: dict[str, Any] = {"last_probe": result}
    if failed is not None:
        changed["probes_failed"] = F("probes_failed") + 1 if failed else 0
    with transaction.atomic():
        if not Provider.objects.filter(pk=provider.pk).exists():  # it may have gone in these seconds
            return 0
        ProviderState.objects.bulk_create([ProviderState(provider=provider)], ignore_conflicts=True)
        states = ProviderState.objects.filter(provider=provider)
        states.update(**changed)
        return states.values_list("probes_failed", flat=True).first() or 0
