"""States -> the YAML file: `version: 1`, natural keys, sorted names, no time stamps, no secrets. Pure, and byte-stable:
equal states give equal bytes.

Every field of every dump is in it, whatever fields a later version adds; only what follows from the rest is left out
(a key's `bound_to`, where it is what entering the key now would bind it to).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llm.core.writing import to_yaml
from providers.binding import bindings
from providers.config_file import kinds
from providers.config_file.states import State, States
from providers.models import ConnectionParameter

VERSION = 1


def text(states: States) -> str:
    """The file of `states`. Kinds that are no configuration (keys of projects, tokens) are left out."""
    return to_yaml(document(states))


def document(states: States) -> dict[str, Any]:
    found: dict[str, Any] = {"version": VERSION, "providers": _providers(states)}
    for section in kinds.sections().values():
        rows = [state for name, state in states.items() if kinds.kind_of(name) == section.kind]
        found[section.section] = {row[section.key]: _without(row, section.key) for row in rows}
    return found


def _providers(states: States) -> dict[str, Any]:
    own: dict[str, dict[str, list[State]]] = {}
    for name, state in states.items():
        if kinds.kind_of(name) in kinds.OF_PROVIDERS:
            own.setdefault(state["provider_id"], {}).setdefault(kinds.kind_of(name), []).append(state)
    return {provider_id: _provider(rows) for provider_id, rows in own.items() if kinds.PROVIDER_KIND in rows}


def _provider(rows: Mapping[str, list[State]]) -> dict[str, Any]:
    provider = rows[kinds.PROVIDER_KIND][0]
    parameters = sorted(rows.get(kinds.PARAMETER_KIND, []), key=lambda row: (row["param_name"], row["environment"]))
    keys = sorted(rows.get(kinds.KEY_KIND, []), key=lambda row: (row["name"], row["environment"]))
    plain = [row for row in parameters if not row["is_sensitive"] and not row["environment"]]
    nested = {
        "connection_params": {row["param_name"]: row["value"] for row in plain},
        "connection_parameters": [_parameter(row, provider, parameters) for row in parameters if row not in plain],
        "api_keys": [_key(row, provider, parameters) for row in keys],
        "models": {row["model_id"]: _without(row, "provider_id", "model_id") for row in rows.get(kinds.MODEL_KIND, [])},
    }
    return {**_without(provider, "provider_id"), **{name: value for name, value in nested.items() if value}}


def _key(row: State, provider: State, parameters: Iterable[State]) -> dict[str, Any]:
    said = _without(row, "provider_id", "reference", "fingerprint", "bound_to", "last4")
    said |= {"reference": row["reference"]} if row["reference"] else {"secret": {"stored": row["fingerprint"]}}
    if row["last4"]:
        said["last4"] = row["last4"]
    return said | _bound(row, provider, parameters)


def _parameter(row: State, provider: State, parameters: Iterable[State]) -> dict[str, Any]:
    said = _without(row, "provider_id", "value", "fingerprint", "bound_to")
    if not row["is_sensitive"]:
        return {**said, "param_value": row["value"]}
    return {**said, "secret": {"stored": row["fingerprint"]}, **_bound(row, provider, parameters)}


def _bound(row: State, provider: State, parameters: Iterable[State]) -> dict[str, str]:
    rows = [
        ConnectionParameter(**{name: state[name] for name in ("param_name", "value", "is_sensitive", "environment")})
        for state in parameters
    ]
    now = bindings(kind=provider["provider_type"], rows=rows, environment=row["environment"])
    return {} if row["bound_to"] == now else {"bound_to": row["bound_to"]}


def _without(row: State, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
