"""How audit speaks of providers, models, keys, parameters and routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from audit import history, state
from audit.history import Tracked
from audit.registration import Attainable, Dump, Reverting, Row
from providers import scope
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route
from providers.services import restore

# Bookkeeping of the row itself: no decision of an operator, so no part of a diff.
NOT_DECIDED = frozenset({"id", "created_at", "updated_at"})


# Where a key or parameter gets its secret from, and where it may be sent: never mixed from several revisions.
KEY_SOURCE = frozenset({"reference", "fingerprint", "last4", "bound_to"})
PARAMETER_SOURCE = frozenset({"value", "is_sensitive", "fingerprint", "bound_to"})


def register() -> None:
    """Called once, from the AppConfig."""
    _track(Provider, lambda row: f"provider:{row['provider_id']}", _provider())
    _track(ProviderModel, lambda row: f"model:{row['provider_id']}/{row['model_id']}", _model())
    _track(ApiKey, lambda row: f"api_key:{row['provider_id']}/{row['key_id']}", _key())
    _track(
        ConnectionParameter,
        lambda row: f"parameter:{row['provider_id']}/{row['param_name']}@{row['environment']}",
        _parameter(),
    )
    _track(Route, lambda row: f"route:{row['name']}", _route())
    state.register_exporter(_exported)


def _exported(states: Mapping[str, Mapping[str, Any]]) -> bytes:
    from providers.config_file import exporting  # it reads what is registered here

    return exporting.text(states).encode()


def attainable_key(wanted: Dump, now: Dump | None) -> Attainable:
    """A stored value stays with what it is bound to; where none is stored the key is disabled until it is entered.

    A reference comes back bound to where it was bound; one that has not changed keeps its binding of now.
    """
    own = {name: now[name] for name in KEY_SOURCE} if now is not None else {}
    if wanted["reference"]:
        return Attainable({**wanted, **own} if own.get("reference") == wanted["reference"] else wanted)
    if own.get("fingerprint"):
        is_other = wanted["fingerprint"] not in ("", own["fingerprint"])
        return Attainable({**wanted, **own}, secret_is_missing=is_other)
    empty = {"reference": "", "fingerprint": "", "last4": "", "enabled": False}
    return Attainable({**wanted, **empty}, secret_is_missing=now is None or bool(wanted["fingerprint"]))


def attainable_parameter(wanted: Dump, now: Dump | None) -> Attainable:
    """As for keys: a sensitive value stays with what it is bound to, or waits to be entered."""
    if not wanted["is_sensitive"]:
        return Attainable(wanted)
    if now is not None and now["is_sensitive"]:
        is_other = bool(wanted["fingerprint"]) and wanted["fingerprint"] != now["fingerprint"]
        return Attainable({**wanted, **{name: now[name] for name in PARAMETER_SOURCE}}, secret_is_missing=is_other)
    return Attainable({**wanted, "value": None, "fingerprint": ""}, secret_is_missing=True)


def _provider() -> Reverting:
    return Reverting(0, restore.restore_provider, restore.delete_provider)


def _parameter() -> Reverting:
    return Reverting(
        1,
        restore.restore_parameter,
        restore.delete_parameter,
        attainable=attainable_parameter,
        parent=_of_provider,
        together=PARAMETER_SOURCE,
    )


def _key() -> Reverting:
    return Reverting(
        2,
        restore.restore_key,
        restore.delete_key,
        attainable=attainable_key,
        parent=_of_provider,
        together=KEY_SOURCE,
        vacate=restore.vacate_key,
    )


def _model() -> Reverting:
    return Reverting(2, restore.restore_model, restore.delete_model, parent=_of_provider)


def _route() -> Reverting:
    return Reverting(3, restore.restore_route, restore.delete_route)


def _of_provider(fields: Dump) -> str:
    return f"provider:{fields['provider_id']}"


def _track(model: type[Tracked], natural_key: Callable[[Row], str], reverting: Reverting) -> None:
    history.register(
        model,
        natural_key=natural_key,
        dump=_dump(model),
        visible_to=_viewers_of(model),
        reverting=reverting,
    )


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
        return bool(user.has_perm(permission)) and scope.sees_object(user, name)

    return visible_to
