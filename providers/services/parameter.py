"""Writes of a provider's connection parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from audit.history import change_set
from providers import names, parameters, parameters_of_kinds, secrets
from providers.models import ConnectionParameter, Provider
from providers.problems import Problems, assign, refuse
from providers.services.entry import bound_now

FIELDS = ("param_name", "param_value", "is_sensitive", "environment")


def set_parameter(
    *,
    provider: Provider,
    param_name: str,
    param_value: Any = None,
    is_sensitive: bool | None = None,
    environment: str = "",
) -> tuple[ConnectionParameter, bool]:
    """Adds the parameter of this name and environment or changes it; says whether it was added.

    `param_value` None keeps what is stored, `is_sensitive` None what it is. A sensitive value is bound to where the
    provider leads now.
    """
    name = parameters.clean_name(param_name)
    names.check_environment(environment)
    with change_set():
        row = ConnectionParameter.objects.filter(provider=provider, param_name=name, environment=environment).first()
        added = row is None
        if row is None:
            row = ConnectionParameter(provider=provider, param_name=name, environment=environment)
        _write(row, param_value, row.is_sensitive if is_sensitive is None else is_sensitive, added=added)
    return row, added


def update_parameter(*, parameter: ConnectionParameter, **fields: Any) -> ConnectionParameter:
    """`fields`: param_value, is_sensitive; name and environment may be said again."""
    for field, said in (("param_name", parameters.canonical), ("environment", str)):
        if field in fields and said(fields.pop(field)) != getattr(parameter, field):
            raise refuse(field, "It never changes after creation.")
    unknown = set(fields) - set(FIELDS)
    if unknown:
        assign(parameter, {name: fields[name] for name in unknown}, allowed=FIELDS)
    with change_set():
        parameter.refresh_from_db()
        sensitive = fields.get("is_sensitive")
        _write(
            parameter,
            fields.get("param_value"),
            parameter.is_sensitive if sensitive is None else sensitive,
            added=False,
        )
    return parameter


def delete_parameter(*, parameter: ConnectionParameter) -> None:
    """Without it the default holds; keys that were entered for another address then wait to be entered anew."""
    with change_set():
        parameter.delete()


def write_parameters(
    *, provider: Provider, rows: Sequence[Mapping[str, Any]], plain: Mapping[str, Any], problems: Problems
) -> None:
    """The two forms of a provider's body: `connection_parameters` (rows) and `connection_params` (plain, an object).

    An answer sent back holds a parameter in both forms: what equals the stored value asks for nothing, so that a
    change in either form counts. Sensitive ones come last: they are bound to what the plain ones say.
    """
    wanted = [(f"connection_parameters.{place}", dict(row)) for place, row in enumerate(rows)]
    wanted += [("connection_params", {"param_name": name, "param_value": value}) for name, value in plain.items()]
    stored = {(row.param_name, row.environment): row for row in ConnectionParameter.objects.filter(provider=provider)}
    changes: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    for path, item in wanted:
        with problems.under(path, one_field=path == "connection_params"):
            key = _own_key(provider, item)
            row = stored.get(key)
            if item.get("is_sensitive") is None:
                item["is_sensitive"] = row is not None and row.is_sensitive
            if _is_stored(row, item):
                continue
            if key in changes and not _same(changes[key][1].get("param_value"), item.get("param_value")):
                raise refuse("param_value", f"{key[0]} stands here twice, with different values.")
            changes.setdefault(key, (f"{path}.{key[0]}" if path == "connection_params" else path, item))
    for path, item in sorted(changes.values(), key=lambda change: _rank(change[1])):
        with problems.under(path, one_field=path.startswith("connection_params.")):
            set_parameter(provider=provider, **item)


def _own_key(provider: Provider, item: dict[str, Any]) -> tuple[str, str]:
    """Name and environment of a nested parameter; what does not belong to a service call is taken out of `item`."""
    if item.pop("provider_id", provider.provider_id) != provider.provider_id:
        raise refuse("provider_id", "It must be the provider that the parameter is nested in.")
    unknown = sorted(item.keys() - set(FIELDS))
    if unknown:
        raise refuse(unknown[0], "There is no such field.")
    environment = item.get("environment", "")
    names.check_environment(environment)
    return parameters.clean_name(item.get("param_name")), environment


def _rank(item: Mapping[str, Any]) -> int:
    """Sensitive ones are bound to the plain ones and to the proxy."""
    if not item["is_sensitive"]:
        return 0
    return 1 if item.get("param_name") == "proxy" else 2


def _is_stored(row: ConnectionParameter | None, item: Mapping[str, Any]) -> bool:
    """Does the item say what is stored already?"""
    if row is None or item["is_sensitive"] != row.is_sensitive:
        return False
    value = item.get("param_value")
    return value is None if row.is_sensitive else _same(row.value, value)


def _write(row: ConnectionParameter, value: Any, is_sensitive: bool, *, added: bool) -> None:
    if not isinstance(is_sensitive, bool):
        raise refuse("is_sensitive", "It must be true or false.")
    if value is None and not added and is_sensitive == row.is_sensitive:
        return
    if value is None:
        raise refuse("param_value", "It is required.")
    cleaned = parameters.clean_value(row.param_name, value, is_sensitive=is_sensitive)
    if added:  # what is stored already stays writable, also where the provider's kind was changed
        parameters_of_kinds.check(row.provider.provider_type, row.param_name)
    parameters_of_kinds.check_value(row.provider.provider_type, row.param_name, cleaned)
    was_sensitive, row.is_sensitive = row.is_sensitive, is_sensitive
    if is_sensitive:
        _enter(row, cleaned)
    elif added or was_sensitive or not _same(row.value, cleaned):
        row.value, row.secret_value, row.fingerprint, row.bound_to = cleaned, None, "", ""
    row.save()


def _enter(row: ConnectionParameter, value: Any) -> None:
    row.value = None
    row.secret_value = parameters.encode(value)
    row.fingerprint = secrets.fingerprint(row.secret_value)
    row.bound_to = bound_now(row.provider_id, row.environment, entering=row)


def _same(one: Any, other: Any) -> bool:
    # In Python 1 == True; in JSON they differ.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
