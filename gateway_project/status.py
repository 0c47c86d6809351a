"""What each provider is good for now: its state, last test, how its calls went, and the keys that end soon."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from audit import usage
from gateway_project.admin_site import lines
from providers import selectors, testing
from providers.key_state import expires_soon
from providers.models import ApiKey, Provider

WINDOW: Final[usage.Window] = "1h"
# The dashboard's words, as the API says them.
STATES: Final = {
    lines.READY: "ready",
    lines.NO_KEY: "no_usable_key",
    lines.NO_MODEL: "no_model",
    lines.DISABLED: "disabled",
}


def of_providers(providers: Iterable[Provider], *, now: datetime) -> list[dict[str, Any]]:
    """`providers` with their children prefetched (selectors.providers)."""
    found = list(providers)
    overview = usage.overview(WINDOW, now=now, providers=[provider.provider_id for provider in found])
    used = {row.provider: row for row in overview.by_provider}
    return [_of(provider, used.get(provider.provider_id), now) for provider in found]


def expiring_keys(provider: Provider, *, now: datetime) -> list[ApiKey]:
    """The keys that are to end within 14 days, the next to end first."""
    found = [key for key in provider.api_keys.all() if expires_soon(key, now=now)]
    return sorted(found, key=lambda key: (key.expires_at, key.name))


def _of(provider: Provider, row: usage.ProviderRow | None, now: datetime) -> dict[str, Any]:
    totals = row.totals if row is not None else usage.Totals()
    success_rate = totals.success_rate
    return {
        "provider_id": provider.provider_id,
        "display_name": provider.display_name,
        "provider_type": provider.provider_type,
        "enabled": provider.enabled,
        "state": STATES[lines.state(provider)],
        "last_test": testing.last(provider),
        "requests": totals.requests,
        "failed": totals.failed,
        "error_rate": None if success_rate is None else round(1 - success_rate, 6),
        "last_call_at": row.last_call_at if row is not None else None,
        "keys": [_key(key) for key in provider.api_keys.all()],
        "expiring_keys": [_ending(key, now) for key in expiring_keys(provider, now=now)],
    }


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "environment": key.environment,
        "state": str(selectors.key_state(key)),
        "expires_at": key.expires_at,
        "last_used_at": selectors.last_used_at(key),
    }


def _ending(key: ApiKey, now: datetime) -> dict[str, Any]:
    assert key.expires_at is not None  # else it would not end
    left = (key.expires_at - now).total_seconds()
    return {
        "key_id": key.key_id,
        "name": key.name,
        "environment": key.environment,
        "expires_at": key.expires_at,
        "days_left": round(left / 86_400, 1),
    }
