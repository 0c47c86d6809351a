"""The incidents of the last day as strips, one for each subject: drawn in SVG, said in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit.health_models import Incident
from audit.spans import span

DAY: Final = timedelta(days=1)
WIDTH: Final = 1440  # a unit is a minute
NARROWEST: Final = 4.0  # else nobody would see it
MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Strip:
    """`bars` are (x, width) from the left edge, a day ago."""

    kind: str
    name: str
    bars: tuple[tuple[float, float], ...]
    summary: str


def strips(incidents: Iterable[Incident], *, now: datetime) -> list[Strip]:
    """Of the subjects that were in trouble longest, at most MOST."""
    by_subject: dict[tuple[str, str], list[Incident]] = defaultdict(list)
    for incident in incidents:
        by_subject[incident.kind, incident.name].append(incident)
    found = [(_seconds(rows, now), key, rows) for key, rows in by_subject.items()]
    found.sort(key=lambda one: (-one[0], one[1]))
    return [
        Strip(kind, name, tuple(_bar(row, now) for row in rows), _summary(rows, seconds))
        for seconds, (kind, name), rows in found[:MOST]
    ]


def _within(incident: Incident, now: datetime) -> tuple[datetime, datetime]:
    begin = max(incident.opened_at, now - DAY)
    return begin, max(incident.closed_at or now, begin)


def _seconds(incidents: list[Incident], now: datetime) -> float:
    return sum((end - begin).total_seconds() for begin, end in (_within(row, now) for row in incidents))


def _bar(incident: Incident, now: datetime) -> tuple[float, float]:
    begin, end = _within(incident, now)
    x = (begin - (now - DAY)) / timedelta(minutes=1)
    width = max((end - begin) / timedelta(minutes=1), NARROWEST)
    return round(min(x, WIDTH - width), 1), round(width, 1)


def _summary(incidents: list[Incident], seconds: float) -> str:
    number = len(incidents)
    return f"{number} incident{'' if number == 1 else 's'}, {span(seconds)} in all"
