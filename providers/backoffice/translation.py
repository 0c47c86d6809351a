"""Old rows -> what is wanted here. Pure; all that does not fit is told by its row, in `Notes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from providers.backoffice import connection, names, values
from providers.backoffice.connection import Parameter
from providers.backoffice.database import KEYS, MODELS, PARAMETERS, PROVIDERS, OldDatabase, Row

LONGEST_NAME = 200
LONGEST_KEY_NAME = 100
KEY_OF_PARAMETERS = "connection-params"
Read = TypeVar("Read")


class Notes:
    """What could not be taken over as it stood, one line each. Never a value: it may be a secret."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, place: str, told: str) -> None:
        self.lines.append(f"{place}: {told}")

    def read(self, place: str, column: Callable[[], Read], otherwise: Read) -> Read:
        """The cell's value, or `otherwise` with a note where it is broken."""
        try:
            return column()
        except values.Broken as error:
            self.add(place, str(error))
            return otherwise


@dataclass(frozen=True, slots=True)
class Key:
    """`value` is None where the old system's own key would be needed to read it."""

    name: str
    environment: str
    expires_at: datetime | None
    value: str | None = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A provider with all that belongs to it. `models` are {model_id: fields of the service}."""

    provider_id: str
    origin: str
    fields: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    keys: tuple[Key, ...]
    parameters: tuple[Parameter, ...] = field(repr=False)


def translate(old: OldDatabase, notes: Notes) -> list[Wanted]:
    """By provider_id. A row of a provider that is not there is told, and left out."""
    notes.lines.extend(old.notes)
    ids = names.provider_ids([_id(row) for row in old.rows[PROVIDERS] if _id(row)])
    children: dict[str, dict[str, list[Row]]] = {name: {MODELS: [], KEYS: [], PARAMETERS: []} for name in ids}
    for table in (MODELS, KEYS, PARAMETERS):
        for row in old.rows[table]:
            if _id(row) in children:
                children[_id(row)][table].append(row)
            else:
                notes.add(_place(table, row), f'left out: there is no provider "{_id(row)}"')
    found: dict[str, Wanted] = {}
    for row in old.rows[PROVIDERS]:
        place = _place(PROVIDERS, row)
        if not _id(row) or ids[_id(row)] in found:
            notes.add(place, "left out: " + ("it stands there twice" if _id(row) else "it has no provider_id"))
            continue
        if ids[_id(row)] != _id(row):
            notes.add(place, f'its provider_id becomes "{ids[_id(row)]}"')
        found[ids[_id(row)]] = _provider(ids[_id(row)], row, children[_id(row)], notes)
    return sorted(found.values(), key=lambda wanted: wanted.provider_id)


def _id(row: Row) -> str:
    return values.text(row.get("provider_id"))


def _place(table: str, row: Row) -> str:
    own = {MODELS: "model_id", KEYS: "key_id", PARAMETERS: "param_name"}.get(table)
    parts = [_id(row)] + ([values.text(row.get(own))] if own else [])
    return f"{table}[{'/'.join(parts)}]"


def _provider(provider_id: str, row: Row, children: Mapping[str, list[Row]], notes: Notes) -> Wanted:
    place = _place(PROVIDERS, row)
    settings = notes.read(f"{place}.request_settings", lambda: values.json_of(row.get("request_settings"), dict), {})
    plain = notes.read(f"{place}.connection_params", lambda: values.json_of(row.get("connection_params"), dict), {})
    keys = _keys(children[KEYS], notes)
    moved = {name: settings.pop(name) for name in list(settings) if connection.belongs_to_connection(name)}
    objects = ((f"{place}.connection_params", plain), (f"{place}.request_settings", moved))
    found: list[Parameter] = []
    for origin, entries in objects:
        for name, value in entries.items():
            if connection.is_key(name):
                keys += _key_of_parameter(f"{origin}.{name}", value, keys, notes)
            elif value not in (None, ""):
                found.append(connection.parameter(name, value, marked=False, origin=f"{origin}.{name}"))
    fields = {
        "display_name": _name(row, place, notes) or provider_id,
        "provider_type": _kind(row, place, notes),
        "description": values.text(row.get("description")),
        "enabled": _boolean(row, "enabled", place, notes, default=True),
        "request_settings": {connection.name_here(name): value for name, value in settings.items()},
    }
    parameters = _parameters(found + _rows(children[PARAMETERS], notes), notes)
    return Wanted(provider_id, place, fields, _models(children[MODELS], notes), tuple(keys), parameters)


def _name(row: Row, place: str, notes: Notes) -> str:
    name = values.text(row.get("display_name"))
    if len(name) > LONGEST_NAME:
        notes.add(f"{place}.display_name", f"cut to {LONGEST_NAME} characters")
    return name[:LONGEST_NAME]


def _boolean(row: Row, column: str, place: str, notes: Notes, *, default: bool) -> bool:
    return notes.read(f"{place}.{column}", lambda: values.boolean(row.get(column), default=default), default)


def _kind(row: Row, place: str, notes: Notes) -> str:
    old = values.text(row.get("provider_type"))
    kind = names.kind(old)
    if kind is None:
        notes.add(f"{place}.provider_type", f'"{old[:60]}" is not known here, and becomes {names.FALLBACK_KIND}')
    elif kind != old:
        notes.add(f"{place}.provider_type", f'"{old[:60]}" becomes {kind}')
    return kind or names.FALLBACK_KIND


def _models(rows: list[Row], notes: Notes) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        model_id, place = values.text(row.get("model_id")), _place(MODELS, row)
        if model_id in found:
            notes.add(place, "left out: it stands there twice")
            continue
        found[model_id] = {
            "display_name": _name(row, place, notes),
            "model_type": _model_type(row, place, notes),
            "context_window": _tokens(row, "context_window", place, notes),
            "max_tokens": _tokens(row, "max_tokens", place, notes),
            "enabled": _boolean(row, "enabled", place, notes, default=True),
            "capabilities": notes.read(f"{place}.capabilities", lambda row=row: _capabilities(row), []),
            "parameters": notes.read(
                f"{place}.parameters", lambda row=row: values.json_of(row.get("parameters"), dict), {}
            ),
        }
    return found


def _tokens(row: Row, column: str, place: str, notes: Notes) -> int | None:
    return notes.read(f"{place}.{column}", lambda: values.tokens(row.get(column)), None)


def _model_type(row: Row, place: str, notes: Notes) -> str:
    old = values.text(row.get("model_type"))
    found = names.model_type(old or "chat")
    if found is None:
        notes.add(f"{place}.model_type", f'"{old[:60]}" is not known here, and becomes chat')
    return found or "chat"


def _capabilities(row: Row) -> list[str]:
    """A list of words, or an object of words and whether they hold."""
    cell = row.get("capabilities")
    try:
        listed = values.json_of(cell, list)
    except values.Broken:
        listed = [name for name, holds in values.json_of(cell, dict).items() if holds]
    if not all(isinstance(name, str) for name in listed):
        raise values.Broken("it is no list of words")
    return list(dict.fromkeys(name.strip() for name in listed if name.strip()))


def _environment(row: Row, place: str, notes: Notes) -> str | None:
    old = values.text(row.get("environment"))
    found = names.environment(old)
    if found is None:
        notes.add(place, f'left out: its environment "{old[:60]}" is not known here')
    return found


def _keys(rows: list[Row], notes: Notes) -> list[Key]:
    found: dict[tuple[str, str], Key] = {}
    for row in rows:
        place = _place(KEYS, row)
        environment = _environment(row, place, notes)
        if environment is None:
            continue
        name = values.text(row.get("key_id"))[:LONGEST_KEY_NAME] or "default"
        if (name, environment) in found:
            notes.add(place, "left out: it stands there twice")
            continue
        expires_at = notes.read(f"{place}.expires_at", lambda row=row: values.moment(row.get("expires_at")), None)
        found[name, environment] = Key(name, environment, expires_at, _value(row, place, notes), place)
    return list(found.values())


def _value(row: Row, place: str, notes: Notes) -> str | None:
    value = values.text(row.get("key_value"))
    # Unclear is encrypted: a wrong guess then asks for the key, and sends no ciphertext to a provider.
    if _boolean(row, "is_encrypted", place, notes, default=True) or connection.is_encrypted(value):
        notes.add(place, "awaiting its secret: the old system's own key encrypted it")
        return None
    return value


def _key_of_parameter(place: str, value: Any, keys: list[Key], notes: Notes) -> list[Key]:
    """A key that stood in connection_params, unless the table of keys has it too."""
    text = values.text(value)
    if not text or any(key.value == text for key in keys):
        return []
    if any(key.name == KEY_OF_PARAMETERS for key in keys):
        notes.add(place, "left out: another key stands among the parameters too")
        return []
    encrypted = connection.is_encrypted(text)
    told = ", awaiting its secret: the old system's own key encrypted it" if encrypted else ""
    notes.add(place, f'becomes the key "{KEY_OF_PARAMETERS}"{told}')
    return [Key(KEY_OF_PARAMETERS, "", None, None if encrypted else text, place)]


def _rows(rows: list[Row], notes: Notes) -> list[Parameter]:
    found = []
    for row in rows:
        place = _place(PARAMETERS, row)
        environment = _environment(row, place, notes)
        if environment is not None:
            marked = _boolean(row, "is_sensitive", place, notes, default=True)
            name, value = values.text(row.get("param_name")), values.text(row.get("param_value"))
            found.append(connection.parameter(name, value, marked=marked, environment=environment, origin=place))
    return found


def _parameters(found: list[Parameter], notes: Notes) -> tuple[Parameter, ...]:
    """One of each name and environment: the old system's table beats its JSON. Sensitive ones last: they are bound to
    what the plain ones say."""
    kept: dict[tuple[str, str], Parameter] = {}
    for parameter in found:
        if connection.is_encrypted(parameter.value):
            notes.add(parameter.origin, "left out: the old system's own key encrypted it; enter it in the admin")
            continue
        earlier = kept.get((parameter.name, parameter.environment))
        if earlier is not None and earlier.value != parameter.value:
            notes.add(earlier.origin, f"left out: {parameter.origin} says another value")
        kept[parameter.name, parameter.environment] = parameter
    return tuple(sorted(kept.values(), key=lambda one: (one.is_sensitive, one.name != "proxy", one.name)))
