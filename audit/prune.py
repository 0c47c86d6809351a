"""Deletes old calls. The rollups of hours and days stay: totals are kept longer than the calls that they count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import connection, transaction

from audit import partitions

BATCH: Final = 5000  # rows in one transaction: on SQLite nobody else writes meanwhile
# SQLite hands its lock to nobody in particular: who waits looks again every tenth of a second, and must find it free.
PAUSE_SECONDS: Final = 0.15
_OLDEST: Final = "SELECT call_id FROM {} WHERE created_at < %s ORDER BY created_at LIMIT %s"
DELETE: Final = {
    "audit_call": f"DELETE FROM audit_call WHERE call_id IN ({_OLDEST.format('audit_call')})",
    "audit_call_default": f"DELETE FROM audit_call_default WHERE call_id IN ({_OLDEST.format('audit_call_default')})",
}


def prune_calls(
    *,
    older_than: timedelta,
    now: datetime,
    progress: Callable[[int], None] = lambda deleted: None,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Deletes the calls of days (UTC) that ended more than `older_than` ago; how many those were. `progress` is told
    after each step how many went so far.

    On PostgreSQL a day's partition is dropped whole; OperationalError where long queries keep its lock away for ten
    seconds. What is deleted until then stays deleted, and the next run goes on from there.
    """
    first_kept = (now - older_than).astimezone(UTC).date()
    deleted = 0
    for count in _steps(first_kept, pause):
        deleted += count
        progress(deleted)
    return deleted


def _steps(first_kept: date, pause: Callable[[float], None]) -> Iterator[int]:
    if connection.vendor != "postgresql":
        for count in _batches("audit_call", first_kept):
            yield count
            pause(PAUSE_SECONDS)
        return
    for day in partitions.days():
        if day < first_kept and (count := partitions.drop(day)):  # an empty one is no step
            yield count
    yield from _batches("audit_call_default", first_kept)


def _batches(table: str, first_kept: date) -> Iterator[int]:
    midnight = datetime(first_kept.year, first_kept.month, first_kept.day, tzinfo=UTC)
    before = connection.ops.adapt_datetimefield_value(midnight)
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            # By created_at, which has an index; a call's day is that of its creation.
            cursor.execute(DELETE[table], [before, BATCH])
            count = cursor.rowcount
        if count:
            yield count
        if count < BATCH:
            return
