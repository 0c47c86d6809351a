"""What each provider is good for now: its state and breakers, last test, how its calls went, keys that end soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from audit import attempt_rollups, health_state, usage
from audit.attempt_rollups import Counts
from audit.health_models import HealthState, Incident
from gateway_project.admin_site import lines
from providers import probing, selectors, testing
from providers.key_state import expires_soon
from providers.models import ApiKey, Provider

WINDOW: Final[usage.Window] = "1h"
HOUR: Final = timedelta(hours=1)
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
    tried = attempt_rollups.by_provider(since=now - HOUR, providers=[provider.provider_id for provider in found])
    troubled = list(health_state.current(now=now))
    incidents = Counter(Incident.objects.filter(closed_at=None).values_list("provider", flat=True))
    return [
        {
            **_of(provider, used.get(provider.provider_id), now),
            **_attempts(tried.get(provider.provider_id, Counts()), used.get(provider.provider_id)),
            "breaker": breaker([row for row in troubled if row.provider == provider.provider_id]),
            "open_incidents": incidents[provider.provider_id],
        }
        for provider in found
    ]


def breaker(troubled: Iterable[HealthState]) -> dict[str, Any]:
    """The worst of a provider and its models; `troubled` are all of its subjects that are not closed. A key's trouble
    is told beside it: others may serve in its place."""
    rows = sorted(troubled, key=lambda row: (health_state.WORST.index(row.state), row.kind, row.name))
    worst = next((row for row in rows if row.kind != HealthState.Kind.KEY), None)
    return {
        "state": worst.state if worst else HealthState.State.CLOSED,
        "category": worst.category if worst else "",
        "until": worst.until if worst else None,
        "troubled": [
            {"kind": row.kind, "name": row.name, "state": row.state, "category": row.category, "until": row.until}
            for row in rows
        ],
    }


def expiring_keys(provider: Provider, *, now: datetime) -> list[ApiKey]:
    """The keys that are to end within 14 days, the next to end first."""
    found = [key for key in provider.api_keys.all() if expires_soon(key, now=now)]
    return sorted(found, key=lambda key: (key.expires_at, key.name))


def _of(provider: Provider, row: usage.ProviderRow | None, now: datetime) -> dict[str, Any]:
    totals = row.totals if row is not None else usage.Totals()
    return {
        "provider_id": provider.provider_id,
        "display_name": provider.display_name,
        "provider_type": provider.provider_type,
        "enabled": provider.enabled,
        "state": STATES[lines.state(provider)],
        "last_test": testing.last(provider),
        "probe_interval_seconds": probing.interval_of(provider.request_settings),
        "last_probe": probing.last(provider),
        "requests": totals.requests,
        "failed": totals.failed,
        "last_call_at": row.last_call_at if row is not None else None,
        "keys": [_key(key) for key in provider.api_keys.all()],
        "expiring_keys": [_ending(key, now) for key in expiring_keys(provider, now=now)],
    }


def _attempts(tried: Counts, row: usage.ProviderRow | None) -> dict[str, Any]:
    """The error rate is that of attempts: a call that another provider answered in the end is no success of this one.
    Calls of a version that told no attempts count themselves."""
    success_rate = row.totals.success_rate if row is not None else None
    rate = None if success_rate is None else 1 - success_rate
    if tried.attempts:
        rate = tried.failed / tried.attempts
    return {
        "attempts": tried.attempts,
        "failed_attempts": tried.failed,
        "error_rate": None if rate is None else round(rate, 6),
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
