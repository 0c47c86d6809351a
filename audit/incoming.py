"""Rows into PostgreSQL by COPY: into a temporary table, from where one statement takes them to where they belong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection


def fill(cursor: Any, rows: Iterable[Sequence[object]], *, create: str, clear: str, copy: str) -> None:
    """Leaves exactly `rows` in the temporary table that the three statements name. `create` makes it where this
    connection has none yet, ON COMMIT DELETE ROWS; DataError where a value fits no column."""
    cursor.execute(create)
    cursor.execute(clear)  # of what came before in the same transaction
    # The cursor's `copy` is psycopg's own: its errors are not yet Django's.
    with connection.wrap_database_errors, cursor.copy(copy) as copying:
        for row in rows:
            copying.write_row(row)
