"""The whole configuration as it was at a revision: the dump of every object by its name.

Read from the history's own columns, never from simple-history's `.instance` or `as_of`, which fill excluded fields
(secrets) from today's row. For display, diff and revert; no process is served from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Max

from audit import history
from audit.models import ChangeSet
from audit.registration import Dump, Registration

State = dict[str, Dump]
DELETED = "-"
Exporter = Callable[[Mapping[str, Mapping[str, Any]]], bytes]

_exporters: list[Exporter] = []


def register_exporter(exporter: Exporter) -> None:
    """Says how a state is written as a configuration file. Called once, by the floor that knows the format."""
    _exporters[:] = [exporter]


def export(state: Mapping[str, Mapping[str, Any]]) -> bytes:
    return _exporters[0](state)


def at(revision: int | None = None, *, user: Any = None) -> State:
    """The objects of that revision (None: the newest), by name; with `user`, only those that this user may see."""
    found: State = {}
    for entry in history.registrations():
        of_model = _of_model(entry, revision)
        if user is not None and not entry.visible(user, ""):
            of_model = {name: dump for name, dump in of_model.items() if entry.visible(user, name)}
        found |= of_model
    return found


def revision_at(moment: datetime) -> int:
    """The revision that held at that time; 0 before the first change."""
    newest = ChangeSet.objects.filter(created_at__lte=moment).order_by("-revision")
    return newest.values_list("revision", flat=True).first() or 0


def newest() -> int:
    """The revision of now."""
    return history.revision()


def is_known(revision: int) -> bool:
    """Has there been this revision? 0 is the empty configuration before the first change."""
    return 0 <= revision <= history.revision()


def _of_model(entry: Registration, revision: int | None) -> State:
    rows = entry.rows()
    until = rows if revision is None else rows.filter(revision__lte=revision)
    latest = until.order_by().values(entry.id_column).annotate(latest=Max("history_id")).values("latest")
    columns = [field.attname for field in entry.history.tracked_fields]
    alive = rows.filter(history_id__in=latest).exclude(history_type=DELETED).order_by().values(*columns)
    return {entry.natural_key(row): entry.dump(row) for row in alive}
