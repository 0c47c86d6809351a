"""What audit knows of a tracked model: its name, its dump, who may see it, and how an object of it is put back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from audit.history import Tracked

Row = Mapping[str, Any]
Dump = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attainable:
    """What an object can be made: what was wanted, less secrets that are stored nowhere any more."""

    fields: Dump
    secret_is_missing: bool = False


def as_wanted(wanted: Dump, now: Dump | None) -> Attainable:
    """For models without secrets."""
    return Attainable(wanted)


@dataclass(frozen=True, slots=True)
class Reverting:
    """How objects of a model are put back. All functions take dumps; those that write raise ValidationError.

    `rank` orders the writes: what is named by others comes first, and goes last. `restore(fields)` makes or changes
    the object until its dump is `fields`; `delete(fields)` deletes it, if it is still there. `attainable(wanted, now)`
    decides without reading (`now` is None where there is no object). `parent(fields)` is the name of the object whose
    deletion takes this one along. `together` names fields that make sense only as a whole. `vacate(now, fields)` gives
    up names that are unique beside the natural key, so that two objects can change them with each other; a model that
    has it is deleted from before others are written.
    """

    rank: int
    restore: Callable[[Dump], None]
    delete: Callable[[Dump], None]
    attainable: Callable[[Dump, Dump | None], Attainable] = as_wanted
    parent: Callable[[Dump], str | None] = field(default=lambda fields: None)
    together: frozenset[str] = frozenset()
    vacate: Callable[[Dump, Dump], None] | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """How audit speaks of a model. A row is a mapping of column names (`provider_id`, not `provider`) to values.

    `natural_key(row)` is the object's name ("provider:openai"); its kind stands before the colon. `dump(row)` is what
    a diff shows, JSON values only, no secrets. `visible_to(user, name)` says who may see the object; asked with an
    empty name, whether the user may see every object of the model. `reverting` is None where nothing is put back.
    """

    model: type[Tracked]
    natural_key: Callable[[Row], str]
    dump: Callable[[Row], Dump]
    visible_to: Callable[[Any, str], bool] | None = None
    reverting: Reverting | None = None

    @property
    def history(self) -> type[models.Model]:
        return self.model.history.model

    @property
    def kind(self) -> str:
        return self.natural_key(defaultdict(str)).partition(":")[0]

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that the natural key is built of: those that it asks an empty row for."""
        asked: dict[str, str] = defaultdict(str)
        self.natural_key(asked)
        return tuple(asked)

    @property
    def id_column(self) -> str:
        return str(self.model._meta.pk.attname)

    def rows(self) -> models.QuerySet[Any]:
        """The history rows of all objects of the model."""
        return self.history._default_manager.all()

    def visible(self, user: Any, name: str) -> bool:
        """May `user` see the object of that name? Without an own rule: who may view the model."""
        if self.visible_to is not None:
            return self.visible_to(user, name)
        return bool(user.has_perm(self._permission("view")))

    def permits(self, user: Any, action: str) -> bool:
        """May `user` do this (create, update, delete) to objects of the model?"""
        return bool(user.has_perm(self._permission({"create": "add", "update": "change"}.get(action, action))))

    def _permission(self, verb: str) -> str:
        meta = self.model._meta
        return f"{meta.app_label}.{verb}_{meta.model_name}"
