"""Incidents: opened when a subject becomes open, closed when it becomes closed, or cools down only: whoever limits its
callers answers them, and cooling ends by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from django.db import transaction

from audit.health_models import HealthEvent, Incident, Subject
from audit.health_state import Key

log = logging.getLogger(__name__)
ENDS: Final = (Subject.State.CLOSED, Subject.State.COOLING)


def under_way(keys: Iterable[Key]) -> dict[Key, Incident]:
    """The open incidents of these subjects; the caller holds the locks of their states."""
    rows = Incident.objects.filter(closed_at=None, name__in={name for _, name in keys})
    return {(row.kind, row.name): row for row in rows}


def follow(incident: Incident | None, event: HealthEvent, *, newest: bool) -> Incident | None:
    """The incident that the event belongs to, saved; `incident` is the one under way. `newest`: no later event of the
    subject is known; another one neither opens nor closes."""
    if incident is None:
        if not newest or event.new != Subject.State.OPEN:
            return None
        incident = _opened(event)
    if event.at < incident.opened_at:
        return None
    incident.events += 1
    if newest and event.new in ENDS:
        incident.closed_at, incident.closed_by = event.at, event.cause
        _after_commit(lambda: log.warning("an incident closed", extra=_facts(incident, incident.closed_by)))
    incident.save()
    return incident


def seconds(incident: Incident, *, now: datetime) -> float:
    """How long it lasted, or lasts by now."""
    return max(((incident.closed_at or now) - incident.opened_at).total_seconds(), 0.0)


def _opened(event: HealthEvent) -> Incident:
    incident = Incident(
        kind=event.kind,
        name=event.name,
        provider=event.provider,
        category=event.category,
        opened_at=event.at,
        opened_by=event.cause,
    )
    _after_commit(lambda: log.error("an incident opened", extra=_facts(incident, incident.opened_by)))
    return incident


def _facts(incident: Incident, by: str) -> dict[str, str]:
    return {"kind": incident.kind, "subject": incident.name, "category": incident.category, "by": by}


def _after_commit(tell: Callable[[], None]) -> None:
    """What is rolled back did not happen."""
    transaction.on_commit(tell, robust=True)
