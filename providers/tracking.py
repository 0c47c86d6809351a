"""How audit speaks of providers, models, keys, parameters and routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit import history
from audit.history import Row, Tracked
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route

# Bookkeeping of the row itself: no decision of an operator, so no part of a diff.
NOT_DECIDED = frozenset({"id", "created_at", "updated_at"})


def register() -> None:
    """Called once, from the AppConfig."""
    _track(Provider, lambda row: f"provider:{row['provider_id']}")
    _track(ProviderModel, lambda row: f"model:{row['provider_id']}/{row['model_id']}")
    _track(ApiKey, lambda row: f"api_key:{row['provider_id']}/{row['key_id']}")
    _track(ConnectionParameter, lambda row: f"parameter:{row['provider_id']}/{row['param_name']}@{row['environment']}")
    _track(Route, lambda row: f"route:{row['name']}")


def _track(model: type[Tracked], natural_key: Callable[[Row], str]) -> None:
    history.register(model, natural_key=natural_key, dump=_dump(model), visible_to=_viewers_of(model))


def _dump(model: type[Tracked]) -> Callable[[Row], dict[str, Any]]:
    # The history's own columns: a secret is excluded there, and so cannot be shown by mistake.
    tracked = model.history.model.tracked_fields
    names = [field.attname for field in tracked if field.name not in NOT_DECIDED]

    def dump(row: Row) -> dict[str, Any]:
        return {name: _json(row[name]) for name in names}

    return dump


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _viewers_of(model: type[Tracked]) -> Callable[[Any, str], bool]:
    permission = f"providers.view_{model._meta.model_name}"

    def visible_to(user: Any, name: str) -> bool:
        return bool(user.has_perm(permission))

    return visible_to
