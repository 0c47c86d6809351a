"""Gemini's field names. Callers may write them in camelCase or in snake_case; here they are camelCase, in paths too."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from llm.dialects.fields import OBJECT, Fields

ONE_OR_MANY: Final = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]])
_WHOLE: Final = msgspec.json.Decoder(int | float)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")


def camel(name: str) -> str:
    return _HUMP.sub(lambda found: found[1].upper(), name)


def camels(values: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    return {camel(name): raw for name, raw in values.items()}


def one(fields: Fields, name: str) -> Fields | None:
    """The object under `name`."""
    values = fields.take(name, OBJECT)
    return None if values is None else fields.inner(name, camels(values))


def many(fields: Fields, name: str) -> list[Fields]:
    """The objects under `name`. One object is a list of one, as it is for Google (its guides write `parts` so)."""
    values = fields.take(name, ONE_OR_MANY)
    if isinstance(values, dict):
        return [fields.inner(name, camels(values))]
    return fields.each(name, [camels(each) for each in values or ()])


def whole(fields: Fields, name: str) -> int | None:
    """An integer, also as 40.0: some clients hold top_k as a float."""
    value = fields.take(name, _WHOLE)
    if isinstance(value, float):
        if not value.is_integer():
            raise fields.wrong(name, "must be a whole number")
        return int(value)
    return value


def json_text(fields: Fields, name: str, raw: msgspec.Raw) -> str:
    """The JSON of `raw` byte for byte; InvalidRequest where its bytes are no text."""
    try:
        return bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise fields.wrong(name, "is no valid JSON") from error
