"""How the calls went before and after a change set: from the rollups, so it costs the same with however many calls.

By minute while minutes are kept: the hour up to the change and the hour from it on, without the minute of the change,
which has calls of both. Later by the revision that served a call: what the hour of the change and its neighbours have
of revisions before, and of this one and later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from audit import usage
from audit.models import CallRollup, ChangeSet
from audit.rollups import KEEP_MINUTES
from audit.usage import Bucket, Totals

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HEIGHT = 48  # units of the drawing; a bar is one unit wide for each minute


@dataclass(frozen=True, slots=True)
class Bar:
    """A minute: from the top `y` down, `height` units of calls, `failed` of them failed."""

    x: int
    y: float
    height: float
    failed_y: float
    failed: float


@dataclass(frozen=True, slots=True)
class Effect:
    """`bars` is empty where only hours are known. `after_ends`: is the time after the change over?"""

    before: Totals
    after: Totals
    bars: tuple[Bar, ...]
    width: int
    middle: int
    after_ends: bool

    @property
    def rows(self) -> list[tuple[str, Any, Any, str]]:
        """(name, before, after, how it is written)."""
        return [
            ("Calls", self.before.requests, self.after.requests, "count"),
            ("Error rate", error_rate(self.before), error_rate(self.after), "percent"),
            ("Latency p50", self.before.p50_ms, self.after.p50_ms, "milliseconds"),
            ("Latency p95", self.before.p95_ms, self.after.p95_ms, "milliseconds"),
        ]

    @property
    def height(self) -> int:
        return HEIGHT


def error_rate(totals: Totals) -> float | None:
    rate = totals.success_rate
    return None if rate is None else 1 - rate


def of(change_set: ChangeSet, *, now: datetime, providers: Collection[str] | None = None) -> Effect | None:
    """None where there were no calls on either side; `providers` are those that the reader may see (None: all)."""
    moment = change_set.created_at.astimezone(UTC)
    by_minute = now - moment < KEEP_MINUTES - HOUR
    found = _by_minute(moment, now, providers) if by_minute else _by_revision(change_set.revision, moment, providers)
    return found if found.before.requests or found.after.requests else None


def _by_minute(moment: datetime, now: datetime, providers: Collection[str] | None) -> Effect:
    minute = moment.replace(second=0, microsecond=0)
    since, until = minute - HOUR, minute + MINUTE + HOUR
    rollups = _rollups(providers).filter(grain=CallRollup.Grain.MINUTE, start__gte=since, start__lt=until)
    series = usage.series(rollups, since=since, until=until - MINUTE, step=MINUTE)
    before, after = rollups.filter(start__lt=minute), rollups.filter(start__gt=minute)
    return Effect(
        before=usage.totals(before),
        after=usage.totals(after),
        bars=_bars(series),
        width=len(series),
        middle=HOUR // MINUTE,
        after_ends=now >= until,
    )


def _by_revision(revision: int, moment: datetime, providers: Collection[str] | None) -> Effect:
    hour = CallRollup.Grain.HOUR.start_of(moment)
    rollups = _rollups(providers).filter(grain=CallRollup.Grain.HOUR)
    before = rollups.filter(revision__lt=revision, start__gte=hour - HOUR, start__lte=hour)
    after = rollups.filter(revision__gte=revision, start__gte=hour, start__lte=hour + HOUR)
    return Effect(usage.totals(before), usage.totals(after), (), 0, 0, after_ends=True)


def _rollups(providers: Collection[str] | None) -> Any:
    rollups = CallRollup.objects.all()
    return rollups if providers is None else rollups.filter(provider__in=providers)


def _bars(series: Sequence[Bucket]) -> tuple[Bar, ...]:
    most = max((bucket.totals.requests for bucket in series), default=0) or 1
    return tuple(_bar(place, bucket.totals, HEIGHT / most) for place, bucket in enumerate(series))


def _bar(place: int, totals: Totals, unit: float) -> Bar:
    height, failed = round(totals.requests * unit, 2), round(totals.failed * unit, 2)
    return Bar(place, round(HEIGHT - height, 2), height, round(HEIGHT - failed, 2), failed)
