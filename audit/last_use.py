"""When something was last used, from the records of calls: kept in untracked state rows, in batches.

A batch may be heard again after a crash, and late records come out of order: a time never goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from django.db import models

from llm.observe.record import CallRecord

Name = TypeVar("Name", bound=Hashable)


def newest(records: Iterable[CallRecord], name: Callable[[CallRecord], Name]) -> dict[Name, datetime]:
    """By `name(record)`: when the newest of its calls began."""
    found: dict[Name, float] = {}
    for record in records:
        key = name(record)
        found[key] = max(found.get(key, 0.0), record.created_at)
    return {key: datetime.fromtimestamp(seconds, tz=UTC) for key, seconds in found.items()}


def newer(state: type[models.Model], owner: str, used: Mapping[int, datetime]) -> list[models.Model]:
    """The state rows to write, without those that know a later time. `owner` names their one-to-one relation, `used`
    is by the owner's id."""
    rows = state._default_manager.filter(**{f"{owner}_id__in": used})
    known = dict(rows.values_list(f"{owner}_id", "last_used_at"))
    return [
        state(**{f"{owner}_id": pk, "last_used_at": at})
        for pk, at in used.items()
        if known.get(pk) is None or known[pk] < at
    ]
