"""Dataclasses that are read from what the gateway answers, also from one that is newer or older than this client.

A field that this client does not know, or whose value is of another type than it expects, is kept in `extra`; a field
that the gateway does not tell has its default. Reading raises nothing but where the answer is no JSON object.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self, Union, get_args, get_origin

from llm_gateway_client.shape import finite

_HINTS: dict[type[Any], dict[str, Any]] = {}
_OWN = frozenset({"extra", "etag"})  # of the client's; no field of the gateway's
_LOOKS_LIKE = {int: bool}  # what Python takes for one, and JSON does not


class Unfit(Exception):
    """A value of another type than the field's."""


@dataclass(slots=True)
class OpenShape:
    """Base of the answers' dataclasses. A field whose name is a word of Python's ends in an underscore (`from_`).

    `extra` holds the answer's fields that have no place here.
    """

    extra: dict[str, Any] = field(default_factory=dict, kw_only=True)

    @classmethod
    def read(cls, given: object) -> Self:
        """From an object of JSON. Unfit for anything else."""
        if not isinstance(given, Mapping):
            raise Unfit
        hints = fields_of(cls)
        found: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, value in given.items():
            hint = hints.get(name)
            try:
                if hint is None:
                    raise Unfit
                found[hint[0]] = _read(value, hint[1])
            except Unfit:
                extra[name] = value
        return cls(**found, extra=extra)

    def to_dict(self) -> dict[str, Any]:
        """JSON as the gateway tells it, with what is in `extra`; without fields that are None."""
        known = {name: plain(getattr(self, attribute)) for name, (attribute, _) in fields_of(type(self)).items()}
        return {**{name: value for name, value in known.items() if value is not None}, **self.extra}


@dataclass(slots=True)
class Tracked(OpenShape):
    """An object that has revisions. `etag` goes into `if_match=` of a write, which then raises Changed where somebody
    else has written since; the objects of a list have none."""

    etag: str = field(default="", kw_only=True, compare=False)


def fields_of(cls: type[OpenShape]) -> dict[str, tuple[str, Any]]:
    """By the name in JSON: the attribute, and the type."""
    found = _HINTS.get(cls)
    if found is None:
        hints = typing.get_type_hints(cls)
        names = [one.name for one in dataclasses.fields(cls) if one.name not in _OWN]
        found = _HINTS[cls] = {name.rstrip("_"): (name, hints[name]) for name in names}
    return found


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, OpenShape):
        return value.to_dict()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def options(hint: Any) -> tuple[Any, ...]:
    """The types that a union is of; else the one."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _read(value: Any, hint: Any) -> Any:
    for option in options(hint):
        try:
            return _as(value, option)
        except Unfit:
            continue
    raise Unfit


def _as(value: Any, hint: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is list and isinstance(value, list):
        return [_read(item, inner[0]) for item in value]
    if origin is dict and isinstance(value, Mapping):
        return {name: _read(item, inner[1]) for name, item in value.items()}
    if origin is None and issubclass(hint, OpenShape):
        return hint.read(value)
    if hint in (date, datetime):
        return _moment(value, hint)
    if hint is float and finite(value):
        return value
    if origin is None and hint is not float and isinstance(value, hint) and type(value) is not _LOOKS_LIKE.get(hint):
        return value
    raise Unfit


def _moment(value: object, hint: type[date]) -> date:
    if not isinstance(value, str):
        raise Unfit
    try:
        return hint.fromisoformat(value)
    except ValueError:
        raise Unfit from None
