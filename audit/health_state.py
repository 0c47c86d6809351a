"""How each subject stands now, as its newest event says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.db.models import Q, QuerySet

from audit.health_models import HealthEvent, HealthState, Subject

Key = tuple[str, str]  # kind and name
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
WORST: Final = (Subject.State.OPEN, Subject.State.HALF_OPEN, Subject.State.COOLING, Subject.State.CLOSED)


def current(*, now: datetime) -> QuerySet[HealthState]:
    """The subjects with trouble: all but those that are closed, and those whose cooling is over."""
    cooled = Q(state=Subject.State.COOLING, until__lte=now)
    return HealthState.objects.exclude(state=Subject.State.CLOSED).exclude(cooled)


def unfinished() -> QuerySet[HealthState]:
    """The subjects that wait for a call, or a probe, to go well: also where the time for it has come."""
    return HealthState.objects.filter(state__in=(Subject.State.OPEN, Subject.State.HALF_OPEN))


def is_open(kind: str, name: str, *, now: datetime) -> bool:
    """Is it open for a time that is not over?"""
    rows = HealthState.objects.filter(kind=kind, name=name, state=Subject.State.OPEN)
    return rows.filter(until__gt=now).exists()


def provider_of(name: str) -> str:
    """As its column takes it."""
    return name.partition("/")[0][:63]


def locked(keys: Iterable[Key]) -> dict[Key, HealthState]:
    """The rows of these subjects, made where they are missing, and locked in one order, whoever asks."""
    wanted = sorted(set(keys))
    HealthState.objects.bulk_create(map(_unknown, wanted), ignore_conflicts=True)
    rows = HealthState.objects.select_for_update().filter(name__in={name for _, name in wanted})
    found = {(row.kind, row.name): row for row in rows.order_by("kind", "name")}
    return {key: found[key] for key in wanted}


def follow(state: HealthState, event: HealthEvent) -> bool:
    """Makes the row what the event says, unless a newer one was there before; then False. The caller saves it."""
    if event.at < state.told_at:
        return False
    if state.state != event.new or state.told_at == NEVER:
        state.since = event.at
    state.state, state.category, state.cause = event.new, event.category, event.cause
    state.until, state.failures, state.told_at = event.until, event.failures, event.at
    return True


def _unknown(key: Key) -> HealthState:
    kind, name = key
    return HealthState(
        kind=kind, name=name, provider=provider_of(name), since=NEVER, told_at=NEVER, cause=Subject.Cause.CALLS
    )
