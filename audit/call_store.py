"""Stores a batch of call records: the rows and their rollups in one transaction, each record once.

PostgreSQL takes the batch by COPY into a temporary table and inserts from there what it does not have; SQLite, where
the transaction holds the only write lock, is asked first what it has, and takes the rest by executemany.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence

from django.db import connection, transaction

from audit import attempt_rollups, calls, incoming, key_rollups, rollups
from audit.calls import COLUMNS, Row
from llm.observe.record import CallRecord

# Small on SQLite: while a batch is written, nobody else can write.
BATCH_SIZES = {"postgresql": 5000}
SMALL_BATCH = 1000

_LIST = ", ".join(f'"{column}"' for column in COLUMNS)


def batch_size() -> int:
    """Records that are best stored at once in the database in use."""
    return BATCH_SIZES.get(connection.vendor, SMALL_BATCH)


def prepare() -> None:
    """Before batches are stored on this thread's connection; costs nothing when it is done again."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            # The spool's file goes after the commit: then the commit must outlive the machine, as the file would.
            cursor.execute("PRAGMA synchronous = FULL")


def insert(records: Iterable[CallRecord]) -> int:
    """Stores the records that are not there yet; how many those were. DataError, IntegrityError or ValueError where
    one of them cannot be stored: then none is."""
    records = list(records)
    rows = {row["call_id"]: row for row in map(calls.values, records)}
    with transaction.atomic():
        new = _copy(rows) if connection.vendor == "postgresql" else _insert(rows)
        if new:
            rollups.add(new)
            key_rollups.add(new)
            attempt_rollups.add(_of(new, records))
    return len(new)


def _of(new: list[Row], records: list[CallRecord]) -> list[CallRecord]:
    """The records of the rows, each once."""
    by_id = {uuid.UUID(record.call_id): record for record in records}
    return [by_id[row["call_id"]] for row in new]


def _copy(rows: dict[uuid.UUID, Row]) -> list[Row]:
    with connection.cursor() as cursor:
        incoming.fill(
            cursor,
            map(_values, rows.values()),
            create="CREATE TEMPORARY TABLE IF NOT EXISTS call_incoming (LIKE audit_call) ON COMMIT DELETE ROWS",
            clear="DELETE FROM call_incoming",
            copy=f"COPY call_incoming ({_LIST}) FROM STDIN",
        )
        cursor.execute(
            f"INSERT INTO audit_call ({_LIST}) SELECT {_LIST} FROM call_incoming "
            "ON CONFLICT DO NOTHING RETURNING call_id"
        )
        return [rows[found] for (found,) in cursor.fetchall()]


def _insert(rows: dict[uuid.UUID, Row]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT call_id FROM audit_call WHERE call_id IN (SELECT value FROM json_each(%s))",
            [json.dumps([call_id.hex for call_id in rows])],
        )
        known = {uuid.UUID(found) for (found,) in cursor.fetchall()}
        new = [row for call_id, row in rows.items() if call_id not in known]
        places = ", ".join(["%s"] * len(COLUMNS))
        cursor.executemany(f"INSERT INTO audit_call ({_LIST}) VALUES ({places})", [_adapted(row) for row in new])
    return new


def _values(row: Row) -> list[object]:
    return [*map({**row, "tags": json.dumps(row["tags"])}.__getitem__, COLUMNS)]


def _adapted(row: Row) -> Sequence[object]:
    """As Django's fields store them on a database that knows neither UUIDs nor times."""
    adapted = {
        **row,
        "call_id": row["call_id"].hex,
        "day": row["day"].isoformat(),
        "tags": json.dumps(row["tags"]),
        "created_at": connection.ops.adapt_datetimefield_value(row["created_at"]),
    }
    return [*map(adapted.__getitem__, COLUMNS)]
