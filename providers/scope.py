"""How rows of this floor are narrowed to the providers that a user may see (audit.scope)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q

from audit import scope
from audit.history import Tracked
from audit.models import ChangeSet
from providers import usage
from providers.models import ApiKey, ConnectionParameter, PriceProposal, Provider, ProviderModel, Route

OF_ONE_PROVIDER = (Provider, ProviderModel, ApiKey, ConnectionParameter)


def register() -> None:
    """Called once, from the AppConfig. History rows have the columns of their model, and are narrowed like it."""
    for model in OF_ONE_PROVIDER:
        for rows in (model, model.history.model):
            scope.register_rows(rows, _of_provider, lambda row: (row.provider_id,))
    scope.register_rows(PriceProposal, _of_provider, lambda row: (row.provider_id,))
    scope.register_rows(ChangeSet, _revisions_of, lambda change_set: ())
    for rows in (Route, Route.history.model):
        scope.register_rows(rows, lambda providers, rows=rows: _only_these(rows, providers), usage.providers_of)


def sees_object(user: Any, name: str) -> bool:
    """May `user` see the object of this name ("model:openai/gpt-4o") as far as its providers go? Of a route all that
    it has ever named counts: its history tells of them."""
    mine = scope.of(user)
    if not mine.limited:
        return True
    kind, _, rest = name.partition(":")
    if kind == "route":
        return all(mine.sees(*usage.providers_of(row)) for row in Route.history.filter(name=rest))
    return mine.sees(rest.partition("/")[0])


def _of_provider(providers: Collection[str]) -> Q:
    return Q(provider_id__in=providers)


def _revisions_of(providers: Collection[str]) -> Q:
    """Change sets that changed something of these providers."""
    found = Q()
    for model in (*OF_ONE_PROVIDER, Route):
        rows = model.history.model
        condition = _only_these(rows, providers) if model is Route else _of_provider(providers)
        found |= Q(revision__in=rows._default_manager.filter(condition).order_by().values("revision"))
    return found


def _only_these(rows: type[Tracked], providers: Collection[str]) -> Q:
    # The targets are JSON: the few routes that there are, are read.
    fitting = [row.pk for row in rows._default_manager.all() if usage.providers_of(row) <= set(providers)]
    return Q(pk__in=fitting)
