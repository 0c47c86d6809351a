"""Which providers a user may see and change: the one place where the floors of the control plane ask.

access knows the answer and registers it here (`register_scope`); providers and audit itself say how rows of their
models are narrowed to providers (`register_rows`). A model that nobody registered belongs to no provider and is not
narrowed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Any])
ProvidersOf = Callable[[Any], Collection[str]]
_CACHE = "_provider_scope"


@dataclass(frozen=True, slots=True)
class Scope:
    """`seen` and `changed` are provider ids; None: every provider, also one that is made later."""

    seen: frozenset[str] | None = None
    changed: frozenset[str] | None = None

    @property
    def limited(self) -> bool:
        return self.seen is not None

    def sees(self, *providers: str) -> bool:
        return self.seen is None or self.seen.issuperset(providers)

    def changes(self, *providers: str) -> bool:
        return self.changed is None or self.changed.issuperset(providers)


@dataclass(frozen=True, slots=True)
class _Rows:
    """`condition(ids)` finds the rows of these providers; `providers(row)` names those of one row."""

    condition: Callable[[Collection[str]], Q]
    providers: ProvidersOf


EVERYTHING = Scope()
_rows: dict[type[Model], _Rows] = {}
_asked: list[Callable[[Any], Scope]] = []


def register_scope(function: Callable[[Any], Scope]) -> None:
    """Called once, by access."""
    if function not in _asked:
        _asked.append(function)


def register_rows(model: type[Model], condition: Callable[[Collection[str]], Q], providers: ProvidersOf) -> None:
    _rows[model] = _Rows(condition, providers)


def of(user: Any) -> Scope:
    """Read once for each user object, that is once a request, as Django does with a user's permissions."""
    if user is None or not _asked:
        return EVERYTHING
    known = getattr(user, _CACHE, None)
    if known is None:
        known = _asked[0](user)
        setattr(user, _CACHE, known)
    return known


def narrowed(rows: Rows, user: Any) -> Rows:
    """The rows that `user` may see."""
    return _within(rows, of(user).seen)


def narrowed_to_changed(rows: Rows, user: Any) -> Rows:
    """The rows that `user` may change."""
    return _within(rows, of(user).changed)


def providers_of(row: Any) -> Collection[str]:
    """The providers that a row belongs to or names; none for a row of a model that has nothing to do with them."""
    known = _rows.get(type(row))
    return known.providers(row) if known is not None else ()


def may(user: Any, verb: str, row: Any) -> bool:
    """Do the user's providers allow to `view` the row, or to `add`, `change` or `delete` it? The right to do it at all
    is another question; None is no row, and open."""
    if row is None:
        return True
    mine = of(user)
    return mine.sees(*providers_of(row)) if verb == "view" else mine.changes(*providers_of(row))


def _within(rows: Rows, providers: Collection[str] | None) -> Rows:
    known = _rows.get(rows.model)
    if providers is None or known is None:
        return rows
    return rows.filter(known.condition(providers))
