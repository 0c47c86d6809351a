"""Which objects there have been, by name; and which revisions are about them. Natural keys never change, so any
history row of an object tells its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q

from audit import history
from audit.registration import Registration

Wanted = Callable[..., bool]
NONE = Q(pk__in=[])


def names(entry: Registration) -> dict[Any, str]:
    """The names of all objects that the model ever had, by the id of their rows."""
    columns = entry.key_columns
    rows = entry.rows().order_by().values_list(entry.id_column, *columns).distinct()
    return {key: entry.natural_key(dict(zip(columns, values, strict=True))) for key, *values in rows}


def ids(entry: Registration, wanted: Wanted) -> list[Any]:
    return [key for key, name in names(entry).items() if wanted(name)]


def named(name: str, *, user: Any = None) -> Q:
    """Condition on change sets: those that changed the object of that name; with `user`, if this user may see it."""
    entry = history.by_kind().get(name.partition(":")[0])
    if entry is None or not _visible(entry, user, name):
        return NONE
    return _touching(entry, lambda other: other == name)


def of_kind(kind: str, *, user: Any = None) -> Q:
    entry = history.by_kind().get(kind)
    return NONE if entry is None else _seen(entry, user)


def mentioning(text: str, *, user: Any = None) -> Q:
    """Condition on change sets: those that changed an object whose name holds `text`, in any case of letters."""
    found, part = NONE, text.lower()
    for entry in history.registrations():
        found |= _touching(entry, lambda name, entry=entry: part in name.lower() and _visible(entry, user, name))
    return found


def visible_to(user: Any) -> Q:
    """Condition on change sets: those with a change that `user` may see."""
    entries = history.registrations()
    if all(entry.visible(user, "") for entry in entries):
        return Q()
    found = NONE
    for entry in entries:
        found |= _seen(entry, user)
    return found


def _seen(entry: Registration, user: Any) -> Q:
    return _touching(entry, None if _visible(entry, user, "") else lambda name: _visible(entry, user, name))


def _visible(entry: Registration, user: Any, name: str) -> bool:
    return user is None or entry.visible(user, name)


def _touching(entry: Registration, wanted: Wanted | None = None) -> Q:
    rows = entry.rows().order_by()
    if wanted is not None:
        rows = rows.filter(**{f"{entry.id_column}__in": ids(entry, wanted)})
    return Q(revision__in=rows.values("revision"))
