"""Strict dataclasses: wrong types are refused by the field's name, and `from_dict` is the reverse of `to_dict`."""

from __future__ import annotations

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

_WORDS = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "a dict",
    types.NoneType: "None",
}
_HINTS: dict[type[Any], dict[str, Any]] = {}
S = TypeVar("S", bound="Shape")


class Shape:
    """Base of the dataclasses of this package.

    Making one with a value of another type than the field's raises TypeError, which names class and field.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            _check(getattr(self, name), hint, f"{type(self).__name__}.{name}")

    def to_dict(self) -> dict[str, Any]:
        """All fields, with enums as their values and nested ones as dicts: JSON, as far as the values are."""
        return {name: _plain(getattr(self, name)) for name in _hints(type(self))}

    @classmethod
    def from_dict(cls: type[S], given: Mapping[str, Any]) -> S:
        """The reverse of `to_dict`; fields may be left out. ValueError for an unknown field, TypeError for a wrong or
        missing one."""
        if not isinstance(given, Mapping):
            raise TypeError(f"{cls.__name__} is read from a dict, not {type(given).__name__}.")
        hints = _hints(cls)
        unknown = sorted(str(name) for name in given if name not in hints)
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {unknown[0]!r}.")
        return cls(**{name: _read(value, hints[name]) for name, value in given.items()})


def _hints(cls: type[Any]) -> dict[str, Any]:
    found = _HINTS.get(cls)
    if found is None:
        hints = typing.get_type_hints(cls)
        found = _HINTS[cls] = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    return found


def finite(value: object) -> bool:
    """A number that JSON has, and a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _check(value: object, hint: Any, name: str) -> None:
    options = _options(hint)
    if not any(_is(value, option) for option in options):
        raise TypeError(f"{name} must be {_words(hint)}, not {type(value).__name__}.")
    inner = next((get_args(option) for option in options if get_origin(option) is type(value)), ())
    if isinstance(value, dict) and inner:
        for key, item in value.items():
            _check(key, inner[0], f"A key of {name}")
            _check(item, inner[1], f"{name}[{key!r}]")
    elif isinstance(value, list) and inner:
        for number, item in enumerate(value):
            _check(item, inner[0], f"{name}[{number}]")


def _is(value: object, hint: Any) -> bool:
    if hint is Any:
        return True
    if hint is float:
        return finite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, get_origin(hint) or hint)


def _words(hint: Any) -> str:
    return " or ".join(dict.fromkeys(_word(option) for option in _options(hint)))


def _word(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is None:
        return _WORDS.get(hint) or hint.__name__
    inner = get_args(hint)[-1] if origin is dict else get_args(hint)[0]
    of = "" if inner is Any else f" of {_words(inner).removeprefix('an ').removeprefix('a ')}s"
    return f"{_WORDS[origin]}{of}"


def _plain(value: Any) -> Any:
    if isinstance(value, Shape):
        return value.to_dict()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


def _read(value: Any, hint: Any) -> Any:
    for option in _options(hint):
        inner = get_args(option)
        if isinstance(option, type) and issubclass(option, Shape) and isinstance(value, Mapping):
            return option.from_dict(value)
        if isinstance(option, type) and issubclass(option, enum.Enum) and isinstance(value, str):
            return option(value)
        if get_origin(option) is list and isinstance(value, list):
            return [_read(item, inner[0]) for item in value]
    return value
