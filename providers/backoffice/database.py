"""Reads the tables of the old system from SQLite or PostgreSQL, by URL. Nothing is ever written there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql

PROVIDERS = "llm_providers"
MODELS = "llm_models"
KEYS = "llm_provider_api_keys"
PARAMETERS = "llm_provider_connection_parameters"
# What is read, and what has no counterpart here: times are those of the rows that are made.
_BOOKKEEPING = ("id", "created_at", "updated_at")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    PROVIDERS: (
        "provider_id",
        "provider_type",
        "display_name",
        "description",
        "enabled",
        "connection_params",
        "request_settings",
    ),
    MODELS: (
        "model_id",
        "provider_id",
        "display_name",
        "model_type",
        "context_window",
        "max_tokens",
        "enabled",
        "capabilities",
        "parameters",
    ),
    KEYS: ("key_id", "provider_id", "key_value", "is_encrypted", "environment", "expires_at"),
    PARAMETERS: ("provider_id", "param_name", "param_value", "is_sensitive", "environment"),
}
CONNECT_SECONDS = 10

Row = Mapping[str, Any]
Query = Callable[[str], tuple[list[str], list[tuple[Any, ...]]] | None]


class DatabaseError(Exception):
    """The old database cannot be read. The message shows no password."""


@dataclass(frozen=True, slots=True)
class OldDatabase:
    """The rows by table, in the order of their texts, and what was not read: tables and columns without use here."""

    rows: Mapping[str, tuple[Row, ...]] = field(repr=False)
    notes: tuple[str, ...]


def read(url: str) -> OldDatabase:
    """All rows of the four tables, as they stood at one moment. Raises DatabaseError."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.partition("+")[0]
    if not separator or scheme not in ("sqlite", "postgres", "postgresql"):
        raise DatabaseError("The URL must begin with sqlite:// or postgresql://.")
    connected = _sqlite(rest) if scheme == "sqlite" else _postgresql(f"postgresql://{rest}")
    with connected as query:
        found = {table: query(table) for table in COLUMNS}
    if found[PROVIDERS] is None:
        raise DatabaseError(f"The database has no table {PROVIDERS}: it is none of the old system.")
    notes = [f"{table}: there is no such table" for table, answer in found.items() if answer is None]
    rows: dict[str, tuple[Row, ...]] = {}
    for table, answer in found.items():
        names, values = answer or ([], [])
        rows[table] = tuple(dict(zip(names, row, strict=True)) for row in sorted(values, key=str))
        for name in sorted(set(names) - {*COLUMNS[table], *_BOOKKEEPING}):
            notes.append(f"{table}.{name}: the column is not read")
        for name in (name for name in COLUMNS[table] if names and name not in names):
            notes.append(f"{table}.{name}: there is no such column")
    return OldDatabase(rows, tuple(notes))


@contextmanager
def _sqlite(rest: str) -> Iterator[Query]:
    path = rest.removeprefix("/")  # sqlite:///relative to manage.py, sqlite:////absolute
    file = (Path(settings.BASE_DIR) / path).resolve()
    if not path or not file.is_file():
        raise DatabaseError(f"There is no file {file}." if path else "The URL names no file.")
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda content: content.decode("utf-8", "replace")
            connection.execute("BEGIN")
            yield lambda table: _sqlite_table(connection, table)
    except sqlite3.Error as error:
        raise DatabaseError(f"{file} cannot be read: {error}") from error


def _sqlite_table(connection: sqlite3.Connection, table: str) -> tuple[list[str], list[tuple[Any, ...]]] | None:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ? AND type IN ('table', 'view')", [table])
    if there.fetchone() is None:
        return None
    cursor = connection.execute(f'SELECT * FROM "{table}"')
    return [column[0] for column in cursor.description], cursor.fetchall()


@contextmanager
def _postgresql(url: str) -> Iterator[Query]:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield lambda table: _postgresql_table(connection, table)
    except (psycopg.Error, UnicodeError) as error:
        # The driver's text of a URL that it cannot read would show the URL, and the password in it.
        told = "" if isinstance(error, psycopg.ProgrammingError) else f" {str(error).splitlines()[0]}"
        raise DatabaseError(f"The PostgreSQL database cannot be read ({type(error).__name__}).{told}") from None


def _postgresql_table(
    connection: psycopg.Connection[tuple[Any, ...]], table: str
) -> tuple[list[str], list[tuple[Any, ...]]] | None:
    if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
        return None
    cursor = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
    return [column.name for column in cursor.description or ()], cursor.fetchall()
