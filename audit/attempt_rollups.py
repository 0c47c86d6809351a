"""How attempts went at each model, by minute (UTC): beside the rollups of calls, in the transaction of the rows.

A call counts for the provider that answered it; what a provider did to the attempts before stands here only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Sum

from audit.models import AttemptRollup
from llm.observe.record import CallRecord

KEEP: Final = timedelta(days=2)
# Outcomes that the provider is to blame for; a caller's own mistake or leaving is no failure of it.
FAILED: Final = frozenset({"failed", "timeout", "rate_limited", "credentials"})
_LONGEST_PROVIDER: Final = 63
_LONGEST_MODEL: Final = 255


class Key(NamedTuple):
    provider: str
    model: str
    start: datetime


class Counts(NamedTuple):
    attempts: int = 0
    failed: int = 0


_INSERT: Final = (
    "INSERT INTO audit_attemptrollup (provider, model, start, attempts, failed) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (provider, model, start) DO UPDATE SET attempts = audit_attemptrollup.attempts + excluded.attempts, "
    "failed = audit_attemptrollup.failed + excluded.failed"
)


def add(records: Iterable[CallRecord]) -> None:
    """Counts the attempts of records that are new to the Call table; inside the transaction that stores them."""
    found = fold(records)
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        for key in sorted(found):  # all ingesters lock the rows in one order
            cursor.execute(_INSERT, [key.provider, key.model, adapt(key.start), *found[key]])


def fold(records: Iterable[CallRecord]) -> dict[Key, Counts]:
    """The counts by key. Pure."""
    found: dict[Key, Counts] = {}
    for record in records:
        start = datetime.fromtimestamp(record.created_at, tz=UTC).replace(second=0, microsecond=0)
        for step in record.trace:
            if step.event == "attempt":
                provider, _, model = step.model.replace("\x00", "").partition("/")
                key = Key(provider[:_LONGEST_PROVIDER], model[:_LONGEST_MODEL], start)
                attempts, failed = found.get(key, Counts())
                found[key] = Counts(attempts + 1, failed + (step.outcome in FAILED))
    return found


def by_provider(*, since: datetime, providers: Collection[str]) -> dict[str, Counts]:
    """Of the minutes from `since` on; providers without attempts are not in it."""
    rows = AttemptRollup.objects.filter(start__gte=since, provider__in=providers).values("provider").order_by()
    summed = rows.annotate(all=Sum("attempts"), bad=Sum("failed"))
    return {row["provider"]: Counts(row["all"], row["bad"]) for row in summed}


def forget(*, now: datetime) -> None:
    """Deletes the minutes that nobody asks for any more."""
    AttemptRollup.objects.filter(start__lt=now - KEEP).delete()
