"""Conflicts of a revert: what later revisions did to the fields that it would put back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit import diff, objects
from audit.registration import Dump, Registration
from audit.state import DELETED

WHOLE = "*"


@dataclass(frozen=True, slots=True)
class Conflict:
    """`revision` is the newest one that changed the field; `field` is "*" where the whole object was made or deleted
    later."""

    object: str
    field: str
    revision: int


class Later:
    """What the revisions after one did to objects; `conflicts` collects what was found."""

    def __init__(self, *, after: int) -> None:
        self.conflicts: list[Conflict] = []
        self._after = after
        self._ids: dict[str, dict[str, list[Any]]] = {}

    def compare(self, name: str, pair: diff.Pair, now: Dump, fields: Iterable[str]) -> None:
        """Of an object that is there: the fields that are neither as the revision left them nor as they were before."""
        left, before = pair.after or {}, pair.before or {}
        moved = [
            field
            for field in fields
            if not diff.same(now.get(field), left.get(field))
            and (pair.before is None or not diff.same(now.get(field), before.get(field)))
        ]
        newest = self._newest(name, pair) if moved else {}
        self.conflicts += [Conflict(name, field, newest[field]) for field in moved if field in newest]

    def whole(self, name: str, entry: Registration) -> None:
        """The object was made, or deleted, later."""
        rows = self._rows(name, entry)
        if rows:
            self.conflicts.append(Conflict(name, WHOLE, rows[-1]["revision"]))

    def _newest(self, name: str, pair: diff.Pair) -> dict[str, int]:
        """The last later revision that changed each field."""
        found: dict[str, int] = {}
        known = pair.after or {}
        for row in self._rows(name, pair.entry):
            dump = {} if row["history_type"] == DELETED else pair.entry.dump(row)
            found |= dict.fromkeys(diff.differences(known, dump), row["revision"])
            known = dump
        return found

    def _rows(self, name: str, entry: Registration) -> list[dict[str, Any]]:
        if entry.kind not in self._ids:
            by_name: dict[str, list[Any]] = {}
            for key, other in objects.names(entry).items():
                by_name.setdefault(other, []).append(key)
            self._ids[entry.kind] = by_name
        wanted = {f"{entry.id_column}__in": self._ids[entry.kind].get(name, [])}
        return list(entry.rows().filter(revision__gt=self._after, **wanted).order_by("history_id").values())
