"""When a project's key was last used, from the records of calls."""

from __future__ import annotations

from collections.abc import Iterable

from access.models import ProjectKey, ProjectKeyState
from audit import last_use
from llm.observe.record import CallRecord


def note_key_use(records: Iterable[CallRecord]) -> None:
    """Takes the records of a batch of calls, in any order and also a second time. Keys that are gone are left out."""
    used = last_use.newest((record for record in records if record.key), lambda record: record.key)
    found = ProjectKey.objects.filter(key_id__in=used).values_list("pk", "key_id")
    by_pk = {pk: used[key_id] for pk, key_id in found}
    ProjectKeyState.objects.bulk_create(
        last_use.newer(ProjectKeyState, "project_key", by_pk),
        update_conflicts=True,
        unique_fields=["project_key"],
        update_fields=["last_used_at"],
    )
