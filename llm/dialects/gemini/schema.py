"""Gemini's own schemas (a subset of OpenAPI 3.0, https://ai.google.dev/api/caching#Schema) as JSON schemas.

Callers may give either; all other dialects know JSON schemas only.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON, RAW, Fields
from llm.dialects.gemini.names import camel

_OBJECT: Final = msgspec.json.Decoder(dict[str, object])
_MAPS: Final = frozenset({"properties", "$defs", "defs"})
_LISTS: Final = frozenset({"anyOf", "prefixItems"})
_ONES: Final = frozenset({"items", "additionalProperties"})
_COUNTS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
# Hints to Gemini's writer, not constraints.
_NO_WORD: Final = frozenset({"nullable", "propertyOrdering", "example"})


def take_schema(fields: Fields, *, plain: tuple[str, ...], own: str) -> msgspec.Raw | None:
    """The JSON schema among `fields`: under one of the names `plain` as it stands, or under `own` in Gemini's form."""
    for name in plain:
        given = fields.take(name, RAW)
        if given is not None:
            fields.take(own, RAW)
            return _an_object(fields, name, given)
    given = fields.take(own, RAW)
    if given is None:
        return None
    try:
        return msgspec.Raw(msgspec.json.encode(_schema(_OBJECT.decode(given))))
    except BAD_JSON as error:
        raise fields.wrong(own, "is no schema that can be read") from error


def _an_object(fields: Fields, name: str, raw: msgspec.Raw) -> msgspec.Raw:
    try:
        _OBJECT.decode(raw)
    except BAD_JSON as error:
        raise fields.wrong(name, "must be a JSON schema object") from error
    return raw


def _schema(value: object) -> object:
    if not isinstance(value, dict):
        return value
    schema = {camel(name): _keyword(camel(name), inner) for name, inner in value.items() if camel(name) not in _NO_WORD}
    kind = schema.get("type")
    if schema.get("format") == "enum":
        del schema["format"]
    if value.get("nullable") is True and isinstance(kind, str):
        schema["type"] = [kind, "null"]
        words = schema.get("enum")
        if isinstance(words, list) and None not in words:
            schema["enum"] = [*words, None]
    return schema


def _keyword(name: str, value: object) -> object:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in _MAPS and isinstance(value, dict):
        return {key: _schema(inner) for key, inner in value.items()}
    if name in _LISTS and isinstance(value, list):
        return [_schema(inner) for inner in value]
    if name in _ONES:
        return _schema(value)
    if name in _COUNTS and isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)  # 64-bit integers are texts in Google's JSON
    return value
