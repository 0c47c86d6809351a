"""What changed: read from the history's own columns.

Never from simple-history's `.instance` or `as_of`: they fill excluded fields (secrets) from today's row. Secrets are
not in the history at all; their fingerprints stand there and are shown as they are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import OuterRef, Subquery

from audit import history
from audit.registration import Dump, Registration, Row
from audit.state import DELETED, State

Action = Literal["create", "update", "delete"]
Key = tuple[Any, int]
EMPTY = "(empty)"
LARGEST = 2**63 - 1  # what the column holds


@dataclass(frozen=True, slots=True)
class Change:
    """What one revision did to one object: `fields` is {name: {"old": ..., "new": ...}}, None where there is none."""

    object: str
    kind: str
    action: Action
    fields: Mapping[str, Mapping[str, Any]]

    def lines(self) -> list[tuple[str, str | None, str | None]]:
        """(name, old text, new text) of each field, for people to read; None where there was, or is, no object. What
        is empty in a new or deleted object is left out."""
        told = []
        for name, value in self.fields.items():
            old = None if self.action == "create" else readable(value["old"])
            new = None if self.action == "delete" else readable(value["new"])
            if self.action == "update" or EMPTY not in (old, new):
                told.append((name, old, new))
        return told


@dataclass(slots=True)
class Pair:
    """An object before and after a revision; None where there was, or is, none."""

    entry: Registration
    before: Dump | None = None
    after: Dump | None = None


def readable(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return EMPTY
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def changes(revision: int, *, user: Any = None) -> list[Change]:
    """The changes of a revision, by object name; with `user`, only those that this user may see.

    Several rows of one object are told as one change; what was made and deleted again in it is left out.
    """
    return changes_of([revision], user=user)[revision]


def changes_of(revisions: Collection[int], *, user: Any = None) -> dict[int, list[Change]]:
    """As `changes`, of several revisions, in a number of queries that does not rise with them."""
    told = {}
    for number, objects in pairs_of(revisions).items():
        found = [
            change
            for name, pair in sorted(objects.items())
            if (change := difference(name, pair.before, pair.after)) is not None
            and (user is None or pair.entry.visible(user, name))
        ]
        told[number] = found
    return told


def between_states(before: State, after: State) -> list[Change]:
    """The changes that lead from one configuration to another, by object name."""
    found = (difference(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))
    return [change for change in found if change is not None]


def pairs_of(revisions: Collection[int]) -> dict[int, dict[str, Pair]]:
    """{revision: {object: what it was before and after}}. An object that was deleted and made again is one object."""
    found: dict[int, dict[str, Pair]] = {number: {} for number in revisions}
    stored = [number for number in found if 0 < number <= LARGEST]
    for entry in history.registrations() if stored else ():
        for old, new in _rows(entry, stored):
            name = entry.natural_key(new)
            pair = found[new["revision"]].setdefault(name, Pair(entry))
            pair.before = pair.before or _alive(entry, old)
            pair.after = _alive(entry, new) or pair.after
    return found


def difference(name: str, before: Dump | None, after: Dump | None) -> Change | None:
    """None where nothing differs."""
    if before is None and after is None:
        return None
    fields = differences(before or {}, after or {})
    if before is not None and after is not None and not fields:
        return None
    action: Action = "create" if before is None else "delete" if after is None else "update"
    return Change(object=name, kind=name.partition(":")[0], action=action, fields=fields)


def of_rows(entry: Registration, rows: Iterable[Any]) -> dict[Key, Change]:
    """The changes that history rows belong to, by (object's id, revision)."""
    found: dict[Key, Change] = {}
    for key, number in {(getattr(row, entry.id_column), row.revision) for row in rows}:
        of_object = entry.rows().filter(**{entry.id_column: key})
        new = of_object.filter(revision=number).order_by("history_id").values().last()
        old = of_object.filter(revision__lt=number).order_by("history_id").values().last()
        change = difference(entry.natural_key(new), _alive(entry, old), _alive(entry, new)) if new else None
        if change is not None:
            found[(key, number)] = change
    return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{field: {"old": ..., "new": ...}} of the fields that differ."""
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: {"old": before.get(name), "new": after.get(name)}
        for name in names
        if not same(before.get(name), after.get(name))
    }


def same(one: Any, other: Any) -> bool:
    # In Python 1 == True == 1.0; in JSON they differ.
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def _rows(entry: Registration, revisions: Collection[int]) -> Iterable[tuple[Row | None, Row]]:
    """The last row of each object in each revision, with the object's last row before that revision."""
    earlier = entry.rows().filter(**{entry.id_column: OuterRef(entry.id_column)}, revision__lt=OuterRef("revision"))
    previous = Subquery(earlier.order_by("-history_id").values("history_id")[:1])
    rows = entry.rows().filter(revision__in=revisions).annotate(previous=previous).order_by("history_id").values()
    new = {(row[entry.id_column], row["revision"]): row for row in rows}
    wanted = {row["previous"] for row in new.values()} - {None}
    old = {row["history_id"]: row for row in entry.rows().filter(history_id__in=wanted).values()} if wanted else {}
    return [(old.get(row["previous"]), row) for row in new.values()]


def _alive(entry: Registration, row: Row | None) -> Dump | None:
    return None if row is None or row["history_type"] == DELETED else entry.dump(row)
