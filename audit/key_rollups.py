"""How much each provider's key was used, by day (UTC): beside the rollups, in the transaction of the rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, NamedTuple

from django.db import connection

from audit.calls import Row
from audit.models import KeyRollup

_COUNTERS: Final = (
    "requests", "succeeded", "failed", "cancelled", "input_tokens", "output_tokens", "cost_nano_usd",
)  # fmt: skip
_SUMMED: Final = ("input_tokens", "output_tokens", "cost_nano_usd")


class Key(NamedTuple):
    provider: str
    provider_key: str
    day: date


_COLUMNS: Final = (*Key._fields, *_COUNTERS)
_INSERT: Final = (
    f"INSERT INTO audit_keyrollup ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))}) "
    f"ON CONFLICT ({', '.join(Key._fields)}) DO UPDATE SET "
    + ", ".join(f"{name} = audit_keyrollup.{name} + excluded.{name}" for name in _COUNTERS)
)


def add(rows: Iterable[Row]) -> None:
    """Counts rows that are new to the Call table; inside the transaction that stores them. A call counts for the key
    of its last attempt."""
    found: dict[Key, dict[str, int]] = {}
    for row in rows:
        if not row["provider_key"]:
            continue
        key = Key(row["provider"], row["provider_key"], row["created_at"].date())
        counts = found.setdefault(key, dict.fromkeys(_COUNTERS, 0))
        counts["requests"] += 1
        counts[row["status"]] += 1
        for name in _SUMMED:
            counts[name] += row[name] or 0
    adapt = connection.ops.adapt_datefield_value
    with connection.cursor() as cursor:
        for key in sorted(found):  # all ingesters lock the rows in one order
            values = [key.provider, key.provider_key, adapt(key.day), *found[key].values()]
            cursor.execute(_INSERT, values)


def by_day(provider: str, provider_key: str, *, since: date, until: date) -> list[dict[str, Any]]:
    """The days with calls from `since` to `until`, both included, newest first: `day` and the counters."""
    rows = KeyRollup.objects.filter(provider=provider, provider_key=provider_key, day__gte=since, day__lte=until)
    return list(rows.order_by("-day").values("day", *_COUNTERS))
