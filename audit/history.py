"""The history is the configuration bus: every write to a tracked model makes history rows of one change set with a
rising revision, and the revision is what the data plane watches.

    with change_set(reason="new key"):
        provider.save()
        key.save()

The revision counter is locked as the first step and raised inside the transaction, so commit order is revision order.
A change set in which nothing changed raises nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models.signals import pre_save
from django.utils import timezone
from simple_history.models import HistoricalRecords
from simple_history.utils import bulk_update_with_history

from audit import bus, source
from audit.models import ChangeSet, RevisionCounter
from audit.registration import Registration, Reverting, Row


@dataclass(slots=True)
class OpenChangeSet:
    """The change set being written. `user` goes into the history rows, where it is a Django user."""

    revision: int
    source: source.Source
    reverts: int | None = None
    connection: Any = None
    active: bool = True
    wrote: bool = False


_registry: dict[type[models.Model], Registration] = {}
_kinds: dict[str, Registration] = {}
_open: ContextVar[OpenChangeSet | None] = ContextVar("audit_change_set", default=None)
_bulk: ContextVar[bool] = ContextVar("audit_bulk_write", default=False)


def register(
    model: type[Tracked],
    *,
    natural_key: Callable[[Row], str],
    dump: Callable[[Row], dict[str, Any]],
    visible_to: Callable[[Any, str], bool] | None = None,
    reverting: Reverting | None = None,
) -> None:
    """Makes a tracked model known to audit's pages, diffs and reverts. Called from an AppConfig."""
    entry = Registration(model, natural_key, dump, visible_to, reverting)
    _registry[model] = _kinds[entry.kind] = entry
    pre_save.connect(_refuse_raw, sender=model)


def _refuse_raw(raw: bool, **_: Any) -> None:
    # loaddata calls no save() of ours and makes no history rows; a signal is the only place that sees it.
    if raw:
        raise TypeError("loaddata would bypass the history: bring a configuration in as YAML.")


def registrations() -> Sequence[Registration]:
    return tuple(_registry.values())


def registration(model: type[models.Model]) -> Registration:
    return _registry[model]


def by_kind() -> Mapping[str, Registration]:
    """The registrations by what the names of their objects begin with: "provider"."""
    return _kinds


def revision() -> int:
    """The newest committed revision; 0 before the first change."""
    return RevisionCounter.objects.filter(pk=1).values_list("revision", flat=True).first() or 0


@contextmanager
def change_set(*, reverts: int | None = None, **fields: Any) -> Iterator[OpenChangeSet]:
    """Opens a change set, or joins the one that is open. `fields` are those of `source.Source`."""
    outer = _joinable()
    if outer is not None:
        with transaction.atomic():
            yield outer
        return
    with source.use(**fields) as origin, transaction.atomic():
        counter = _locked_counter()
        draft = OpenChangeSet(counter.revision + 1, origin, reverts, transaction.get_connection())
        token = _open.set(draft)
        try:
            yield draft
        finally:
            draft.active = False
            _open.reset(token)
        _close(draft, counter)


def _joinable() -> OpenChangeSet | None:
    # Threads and tasks inherit the context of whoever started them, but neither its transaction nor its lock.
    draft = _open.get()
    if draft is None or not draft.active or draft.connection is not transaction.get_connection():
        return None
    return draft


def _locked_counter() -> RevisionCounter:
    counter = RevisionCounter.objects.select_for_update().filter(pk=1).first()
    if counter is not None:
        return counter
    RevisionCounter.objects.bulk_create([RevisionCounter(pk=1)], ignore_conflicts=True)
    return RevisionCounter.objects.select_for_update().get(pk=1)


def _close(draft: OpenChangeSet, counter: RevisionCounter) -> None:
    if not draft.wrote or transaction.get_connection().needs_rollback:
        return
    # A savepoint inside may have been rolled back, so the rows themselves are asked, not a count of writes.
    if not _has_rows(draft.revision):
        return
    _raise(counter, draft.source, draft.reverts)


def _raise(counter: RevisionCounter, origin: source.Source, reverts: int | None = None) -> int:
    counter.revision += 1
    counter.save(update_fields=["revision"])
    ChangeSet.objects.create(
        revision=counter.revision,
        actor=origin.actor[:200],
        origin=origin.origin,
        reason=origin.reason,
        request_id=origin.request_id[:128],
        ip=origin.ip,
        user_agent=origin.user_agent[:300],
        reverts=reverts,
        created_at=timezone.now(),
    )
    transaction.on_commit(partial(bus.publish, counter.revision), robust=True)
    return counter.revision


def _has_rows(number: int) -> bool:
    return any(entry.history._default_manager.filter(revision=number).exists() for entry in _registry.values())


def _revision_of_row() -> int:
    draft = _joinable()
    if draft is not None:
        draft.wrote = True
        return draft.revision
    # Django's cascade from an untracked object (a user's tokens) comes here: it calls no delete() of ours.
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A history row was about to be written outside of a change set (audit.history.change_set).")
    return _raise(_locked_counter(), source.current())


def _user_of_row(instance: Any, request: Any = None, **_: Any) -> Any:
    draft = _joinable()
    user = (draft.source if draft is not None else source.current()).user
    # A token or a task is no Django user: only real, stored users fit the foreign key.
    return user if isinstance(user, get_user_model()) and user.pk is not None else None


class RevisionedRow(models.Model):
    """What every history row has besides simple-history's own columns."""

    revision = models.BigIntegerField(default=_revision_of_row, db_index=True, editable=False)

    class Meta:
        abstract = True


def records(*, exclude: Iterable[str] = ()) -> HistoricalRecords:
    """The `history` attribute of a tracked model. `exclude` names its secrets: they never enter the history."""
    return HistoricalRecords(
        bases=[RevisionedRow],
        excluded_fields=list(exclude),
        get_user=_user_of_row,
        user_db_constraint=False,
    )


class TrackedQuerySet(models.QuerySet[Any]):
    """Refuses the writes that leave no history."""

    def update(self, **fields: Any) -> int:
        if not _bulk.get():
            raise TypeError("update() would bypass the history: save the objects, or use audit.history.bulk_update.")
        return super().update(**fields)

    def bulk_create(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("bulk_create() would bypass the history: save the objects.")

    def delete(self) -> tuple[int, dict[str, int]]:
        with change_set():
            return super().delete()

    delete.alters_data = True
    delete.queryset_only = True


class Tracked(models.Model):
    """Abstract base of every model that an operator decides about.

    A save or delete is atomic with its history row, and opens an implicit change set where none is open. A save that
    changes nothing writes nothing. Subclasses declare `history = records(exclude=[...])`.
    """

    objects = TrackedQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        with change_set():
            if self._state.adding or self._differs(kwargs.get("update_fields")):
                super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with change_set():
            return super().delete(*args, **kwargs)

    def _differs(self, update_fields: Iterable[str] | None) -> bool:
        stored = type(self)._base_manager.filter(pk=self.pk).first()
        if stored is None:
            return True
        names = None if update_fields is None else set(update_fields)
        return any(
            not _same(field, getattr(stored, field.attname), getattr(self, field.attname))
            for field in self._meta.concrete_fields
            if not getattr(field, "auto_now", False)
            and (names is None or field.name in names or field.attname in names)
        )


def _same(field: models.Field[Any, Any], stored: Any, value: Any) -> bool:
    if hasattr(value, "resolve_expression"):
        return False
    if isinstance(field, models.JSONField):
        # In Python 1 == True == 1.0; in JSON they differ.
        return json.dumps(stored, sort_keys=True) == json.dumps(value, sort_keys=True)
    return bool(stored == field.to_python(value))


def bulk_update(objects: Sequence[Tracked], fields: Sequence[str]) -> int:
    """Writes `fields` of many objects of one model and their history rows; the number of those that differed."""
    if not objects:
        return 0
    token = _bulk.set(True)
    try:
        with change_set():
            changed = [item for item in objects if item._differs(fields)]
            return int(bulk_update_with_history(changed, type(objects[0]), list(fields))) if changed else 0
    finally:
        _bulk.reset(token)
