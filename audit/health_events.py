"""Stores changes of health: each once, with the state of its subject and its incident in the same transaction."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction

from audit import health_state, incidents
from audit.health_models import HealthEvent, HealthOrder, HealthState, Incident, Subject
from llm.observe import health_event

_LONGEST_NAME = 330
_MOST_FAILURES = 2**31 - 1


def insert(events: Iterable[health_event.HealthEvent]) -> int:
    """How many were not there yet. ValueError where an event's id is no UUID or its time is none: then none is."""
    rows = {row.event_id: row for row in map(_row, events)}
    keys = {(row.kind, row.name) for row in rows.values()}
    with transaction.atomic():
        states = health_state.locked(keys)
        known = HealthEvent.objects.filter(event_id__in=list(rows)).values_list("event_id", flat=True)
        for event_id in known:
            del rows[event_id]
        new = sorted(rows.values(), key=lambda row: (row.at, row.event_id))
        _follow(new, states)
        HealthEvent.objects.bulk_create(new)
    return len(new)


def _follow(new: list[HealthEvent], states: dict[health_state.Key, HealthState]) -> None:
    under_way: dict[health_state.Key, Incident | None] = {**incidents.under_way(states)}
    changed = set()
    for event in new:
        key = (event.kind, event.name)
        newest = health_state.follow(states[key], event)
        event.incident = incidents.follow(under_way.get(key), event, newest=newest)
        if newest:
            changed.add(key)
            under_way[key] = event.incident if event.new not in incidents.ENDS else None
    for key in sorted(changed):
        states[key].save()


def prune(*, older_than: timedelta, now: datetime) -> int:
    """Deletes events, closed incidents, orders and the states of subjects that are well, all of longer ago; how many
    rows those were."""
    before = now - older_than
    gone = (
        HealthEvent.objects.filter(at__lt=before),
        Incident.objects.filter(closed_at__lt=before),
        HealthOrder.objects.filter(at__lt=before),
        HealthState.objects.filter(state=Subject.State.CLOSED, told_at__lt=before),
    )
    return sum(rows.delete()[0] for rows in gone)


def _row(event: health_event.HealthEvent) -> HealthEvent:
    name = event.name.replace("\x00", "")[:_LONGEST_NAME]  # PostgreSQL stores no NUL
    return HealthEvent(
        event_id=uuid.UUID(event.event_id),
        at=_moment(event.at),
        kind=event.kind,
        name=name,
        provider=health_state.provider_of(name),
        old=event.old,
        new=event.new,
        category=event.category,
        cause=event.cause,
        until=_until(event.until),
        failures=max(0, min(event.failures, _MOST_FAILURES)),
    )


def _until(seconds: float) -> datetime | None:
    """None where it is not known, or no time that anybody will see."""
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    try:
        return _moment(seconds)
    except ValueError:
        return None


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"no moment of time: {seconds}") from error
