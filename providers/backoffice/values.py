"""The old columns' contents as values. Each reads one cell, and raises Broken where it cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})
_LARGEST = 2_147_483_647


class Broken(ValueError):
    """The cell does not hold what its column is for. The message never shows the content: it may be a secret."""


def text(value: Any) -> str:
    """Without what databases cannot hold; None is empty."""
    if isinstance(value, bytes | memoryview):
        value = bytes(value).decode("utf-8", "replace")
    return "" if value is None else str(value).replace("\x00", "").strip()


def boolean(value: Any, *, default: bool) -> bool:
    """0, 1, their texts, or a word; empty is the default."""
    word = text(value).lower().removesuffix(".0")
    if not word:
        return default
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Broken(f"it is neither true nor false, and taken as {str(default).lower()}")


def json_of(value: Any, kind: type[dict[Any, Any]] | type[list[Any]]) -> Any:
    """An object or a list: as text, or decoded already, or as text within JSON; empty is an empty one."""
    for _ in range(2):
        if isinstance(value, str | bytes | memoryview):
            value = _decoded(text(value))
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise Broken(f"it is no JSON {'object' if kind is dict else 'list'}")
    return value


def _decoded(content: str) -> Any:
    if not content:
        return None
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Broken("it is no JSON") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def tokens(value: Any) -> int | None:
    """A number of tokens; empty and 0 are not known."""
    if value is None or text(value) == "":
        return None
    try:
        number = float(text(value))
    except ValueError:
        raise Broken("it is no number") from None
    if not 0 <= number <= _LARGEST or number != int(number):
        raise Broken("it is no number of tokens")
    return int(number) or None


def moment(value: Any) -> datetime | None:
    """A time; one without a zone is UTC, as the old system wrote it. A date ends with its day."""
    found = value if isinstance(value, date) else _parsed(text(value))
    if found is None:
        return None
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, 23, 59, 59)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _parsed(content: str) -> date | None:
    if not content:
        return None
    try:
        found = parse_date(content) or parse_datetime(content)
    except ValueError:
        found = None
    if found is None:
        raise Broken("it is no time")
    return found
