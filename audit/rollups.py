"""Adds calls to the rollups: counts by minute, hour and day. `audit.usage` reads them.

The caller's transaction holds the rows that are counted, and gives only rows that are new to the table: so a record
that is read again after a crash counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection

from audit import histogram, incoming
from audit.calls import Row
from audit.models import CallRollup

KEEP_MINUTES = timedelta(days=2)

_LATENCY = histogram.columns("latency")
_TTFT = histogram.columns("ttft")
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_COUNTERS = (
    "requests", "succeeded", "failed", "cancelled", "client_errors", "throttled", "server_errors", "broken_streams",
    *_TOKENS, *_LATENCY, *_TTFT,
)  # fmt: skip
_PLACE = {name: place for place, name in enumerate(_COUNTERS)}
_FIRST_TOKEN = _PLACE["input_tokens"]
_FIRST_LATENCY = _PLACE[_LATENCY[0]]
_FIRST_TTFT = _PLACE[_TTFT[0]]
_ROWS_A_STATEMENT = 1000

_tokens_of = itemgetter(*_TOKENS)


class Key(NamedTuple):
    grain: str
    start: datetime
    project: str
    provider: str
    model: str
    revision: int


_KEY = ", ".join(Key._fields)
_LIST = ", ".join((*Key._fields, "last_at", *_COUNTERS))
_ADDED = (
    f"ON CONFLICT ({_KEY}) DO UPDATE SET last_at = "
    "CASE WHEN excluded.last_at > audit_callrollup.last_at THEN excluded.last_at ELSE audit_callrollup.last_at END, "
    + ", ".join(f"{name} = audit_callrollup.{name} + excluded.{name}" for name in _COUNTERS)
)


class Tally:
    """The counters of one key, in the order of their columns."""

    __slots__ = ("counts", "last_at")

    def __init__(self, last_at: datetime) -> None:
        self.last_at = last_at
        self.counts = [0] * len(_COUNTERS)

    def count(self, row: Row) -> None:
        counts = self.counts
        counts[0] += 1
        counts[_PLACE[row["status"]]] += 1
        if row["status"] == "failed":
            counts[_PLACE[_kind_of_error(row["http_status"])]] += 1
        for place, tokens in enumerate(_tokens_of(row), _FIRST_TOKEN):
            counts[place] += tokens
        counts[_FIRST_LATENCY + histogram.bucket(row["latency_ms"])] += 1
        if row["time_to_first_token_ms"] is not None:
            counts[_FIRST_TTFT + histogram.bucket(row["time_to_first_token_ms"])] += 1
        self.last_at = max(self.last_at, row["created_at"])

    def add(self, other: Tally) -> None:
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.last_at = max(self.last_at, other.last_at)


def add(rows: Iterable[Row]) -> None:
    """Counts rows that are new to the Call table; inside the transaction that stores them."""
    tallies = fold(rows)
    if connection.vendor == "postgresql":
        _copy(tallies)
        return
    found = list(tallies.items())
    for first in range(0, len(found), _ROWS_A_STATEMENT):
        _insert(found[first : first + _ROWS_A_STATEMENT])


def fold(rows: Iterable[Row]) -> dict[Key, Tally]:
    """The tallies of all grains. Pure: each call is looked at once, and what comes to the same is added up."""
    finest: dict[Key, Tally] = {}
    for row in rows:
        start = row["created_at"].replace(second=0, microsecond=0)
        key = Key("", start, row["project"], row["provider"], row["model"], row["revision"])
        tally = finest.get(key)
        if tally is None:
            tally = finest[key] = Tally(row["created_at"])
        tally.count(row)
    hours = _widened(finest, CallRollup.Grain.HOUR)
    return {
        **_widened(finest, CallRollup.Grain.MINUTE),
        **hours,
        **_widened(hours, CallRollup.Grain.TOTAL),
        **_widened(hours, CallRollup.Grain.DAY),
    }


def _widened(tallies: dict[Key, Tally], grain: CallRollup.Grain) -> dict[Key, Tally]:
    found: dict[Key, Tally] = {}
    for key, tally in tallies.items():
        wider = key._replace(grain=grain.value, start=grain.start_of(key.start))
        if grain.by_model_only:
            wider = wider._replace(project="", revision=0)
        sum_of_all = found.get(wider)
        if sum_of_all is None:
            sum_of_all = found[wider] = Tally(tally.last_at)
        sum_of_all.add(tally)
    return found


def forget_minutes(*, now: datetime) -> None:
    """Deletes the minutes that no window reaches any more."""
    CallRollup.objects.filter(grain=CallRollup.Grain.MINUTE, start__lt=now - KEEP_MINUTES).delete()


def _kind_of_error(http_status: int) -> str:
    if http_status < 400:
        return "broken_streams"
    if http_status == 429:
        return "throttled"
    return "client_errors" if http_status < 500 else "server_errors"


def _copy(tallies: dict[Key, Tally]) -> None:
    with connection.cursor() as cursor:
        incoming.fill(
            cursor,
            ((*key, tally.last_at, *tally.counts) for key, tally in tallies.items()),
            create=(
                "CREATE TEMPORARY TABLE IF NOT EXISTS rollup_incoming ON COMMIT DELETE ROWS "
                f"AS SELECT {_LIST} FROM audit_callrollup WHERE false"
            ),
            clear="DELETE FROM rollup_incoming",
            copy=f"COPY rollup_incoming ({_LIST}) FROM STDIN",
        )
        # All ingesters lock the rows in one order, so none waits for another that waits for it.
        cursor.execute(
            f"INSERT INTO audit_callrollup ({_LIST}) SELECT {_LIST} FROM rollup_incoming ORDER BY {_KEY} {_ADDED}"
        )


def _insert(tallies: Sequence[tuple[Key, Tally]]) -> None:
    # The counts, our own whole numbers, stand in the statement: to bind as many costs ten times what the rest does.
    bound = ", ".join(["%s"] * (len(Key._fields) + 1))
    values = ", ".join(f"({bound}, {', '.join(map(str, tally.counts))})" for _, tally in tallies)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_callrollup ({_LIST}) VALUES {values} {_ADDED}",
            [value for key, tally in tallies for value in _bound(key, tally)],
        )


def _bound(key: Key, tally: Tally) -> list[Any]:
    adapt = connection.ops.adapt_datetimefield_value
    return [*key._replace(start=adapt(key.start)), adapt(tally.last_at)]
