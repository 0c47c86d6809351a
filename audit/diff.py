"""What changed: read from the history's own columns.

Never from simple-history's `.instance` or `as_of`: they fill excluded fields (secrets) from today's row. Secrets are
not in the history at all; their fingerprints stand there and are shown as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Max, QuerySet

from audit import history
from audit.history import Registration, Row

Action = Literal["create", "update", "delete"]
Key = tuple[Any, int]
DELETED = "-"
EMPTY = "(empty)"


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


def readable(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return EMPTY
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def changes(revision: int, *, user: Any = None) -> list[Change]:
    """The changes of a revision, by object name; with `user`, only those that this user may see.

    Several rows of one object are told as one change; what was made and deleted again in it is left out.
    """
    found = [
        change
        for entry in history.registrations()
        for change in _of_model(entry, revision)
        if user is None or visible(entry, change.object, user=user)
    ]
    return sorted(found, key=lambda change: change.object)


def visible(entry: Registration, name: str, *, user: Any) -> bool:
    """May `user` see the object of that name? Without an own rule: who may view the model."""
    if entry.visible_to is not None:
        return entry.visible_to(user, name)
    meta = entry.model._meta
    return bool(user.has_perm(f"{meta.app_label}.view_{meta.model_name}"))


def between(entry: Registration, *, old: Row | None, new: Row | None) -> Change | None:
    """The change from one history row to a later one (None: no such object); None where nothing differs."""
    before = entry.dump(old) if old is not None and old["history_type"] != DELETED else None
    after = entry.dump(new) if new is not None and new["history_type"] != DELETED else None
    row = new or old
    if row is None or (before is None and after is None):
        return None
    fields = _differences(before or {}, after or {})
    if before is not None and after is not None and not fields:
        return None
    name = entry.natural_key(row)
    action: Action = "create" if before is None else "delete" if after is None else "update"
    return Change(object=name, kind=name.partition(":")[0], action=action, fields=fields)


def of_rows(entry: Registration, rows: Iterable[Any]) -> dict[Key, Change]:
    """The changes that history rows belong to, by (object's id, revision)."""
    found: dict[Key, Change] = {}
    for key, number in {_key(entry, row) for row in rows}:
        of_object = _table(entry).filter(**{_id_name(entry): key})
        new = of_object.filter(revision=number).order_by("history_id").values().last()
        old = of_object.filter(revision__lt=number).order_by("history_id").values().last()
        change = between(entry, old=old, new=new)
        if change is not None:
            found[(key, number)] = change
    return found


def _of_model(entry: Registration, revision: int) -> list[Change]:
    after = {
        row[_id_name(entry)]: row for row in _table(entry).filter(revision=revision).order_by("history_id").values()
    }
    if not after:
        return []
    latest = (
        _table(entry)
        .filter(revision__lt=revision, **{f"{_id_name(entry)}__in": list(after)})
        .order_by()
        .values(_id_name(entry))
        .annotate(latest=Max("history_id"))
        .values("latest")
    )
    before = {row[_id_name(entry)]: row for row in _table(entry).filter(history_id__in=latest).values()}
    found = (between(entry, old=before.get(key), new=row) for key, row in after.items())
    return [change for change in found if change is not None]


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: {"old": before.get(name), "new": after.get(name)}
        for name in names
        if _text(before.get(name)) != _text(after.get(name))
    }


def _text(value: Any) -> str:
    # In Python 1 == True == 1.0; in JSON they differ.
    return json.dumps(value, sort_keys=True, default=str)


def _table(entry: Registration) -> QuerySet[Any]:
    return entry.history._default_manager.all()


def _id_name(entry: Registration) -> str:
    return str(entry.model._meta.pk.attname)


def _key(entry: Registration, row: Any) -> Key:
    return getattr(row, _id_name(entry)), row.revision
