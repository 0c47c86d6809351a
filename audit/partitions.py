"""The daily partitions of the Call table on PostgreSQL. A row whose day has none lands in the default partition, so
nothing here may fail a write: a partition that cannot be made now is logged and tried again later."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

from django.db import DatabaseError, OperationalError, connection, transaction

from audit.models import Call

log = logging.getLogger(__name__)
DAYS_AHEAD = 7
DROP_TRIES = 5  # of two seconds each


def ensure(*, today: date | None = None, days_ahead: int = DAYS_AHEAD) -> None:
    """Makes the partitions of today (UTC) and the coming days, where they are missing. Nothing on other databases."""
    if connection.vendor != "postgresql":
        return
    first = today or datetime.now(UTC).date()
    present = _present()
    for day in (first + timedelta(days=offset) for offset in range(days_ahead + 1)):
        if name(day) not in present:
            _create(day)


def name(day: date) -> str:
    return f"audit_call_{day:%Y%m%d}"


def days() -> list[date]:
    """The days that have a partition of their own, oldest first."""
    named = (found.removeprefix("audit_call_") for found in _present())
    return sorted(datetime.strptime(day, "%Y%m%d").date() for day in named if day.isdecimal())


def drop(day: date) -> int:
    """Drops a day's partition with its calls; how many those were, 0 where another one was faster. OperationalError
    where a long query keeps its lock away."""
    # Counted before, without a lock: nothing comes to a day that is over, and what did would go as well.
    count = Call.objects.filter(day=day).count()
    for left in reversed(range(DROP_TRIES)):
        try:
            _drop(day)
            break
        except OperationalError:
            if not left:
                raise
    return count


def _drop(day: date) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # As for a new one: the parent, which DROP locks first, is not waited for with every insert behind it. Whoever
        # came meanwhile goes on between two tries.
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(f"DROP TABLE IF EXISTS {name(day)}")


def _present() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "WHERE inhparent = 'audit_call'::regclass"
        )
        return {row[0] for row in cursor.fetchall()}


def _create(day: date) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # A new partition locks its parent: rather later than behind a long query, with every insert waiting.
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {name(day)} PARTITION OF audit_call "
                f"FOR VALUES FROM ('{day.isoformat()}') TO ('{(day + timedelta(days=1)).isoformat()}')"
            )
    except DatabaseError:
        # The lock was not had, another process made it, or the default partition already holds rows of that day.
        log.warning("a partition of the call table was not made", extra={"day": day.isoformat()}, exc_info=True)
