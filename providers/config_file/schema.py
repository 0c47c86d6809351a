"""The JSON schema of the file, made from the models, and the check of a document against it.

It says which names there are and of which type each is; what a value may be, the services say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.db import models
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from audit.history import Tracked
from llm.core.reading import Document
from providers.config_file import kinds
from providers.config_file.exporting import VERSION
from providers.errors import ConfigurationError
from providers.models import ApiKey, ConnectionParameter

_NOT_IN_A_KEY = frozenset({"id", "created_at", "updated_at", "provider_id", "fingerprint"})
_MOST_PROBLEMS = 20
_NAMES = {
    "object": "a mapping of names to values",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
_SECRET = {
    "description": "The value itself, or the fingerprint of one that is stored in the database.",
    "oneOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"stored": {"type": "string"}},
            "required": ["stored"],
            "additionalProperties": False,
        },
    ],
}


def schema() -> dict[str, Any]:
    """JSON schema, draft 2020-12."""
    sections = {
        section.section: _named(_object(_columns(section.model, section.fields)))
        for section in kinds.sections().values()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of LLM Gateway",
        **_object({"version": {"const": VERSION}, "providers": _named(_provider()), **sections}),
        "type": "object",
        "required": ["version"],
    }


def check(document: Document) -> None:
    """Raises ConfigurationError: a line for each thing that is wrong, with its line and path and without its value."""
    found = list(_problems(document, _validator().iter_errors(document.value)))
    if found:
        raise ConfigurationError("\n".join(found[:_MOST_PROBLEMS]))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def _provider() -> dict[str, Any]:
    nested = {
        "connection_params": {"type": ["object", "null"]},
        "connection_parameters": _list(_parameter()),
        "api_keys": _list(_key()),
        "models": _named(_object(_columns(kinds.OF_PROVIDERS["model"], kinds.FIELDS_OF["model"]))),
    }
    return _object({**_columns(kinds.OF_PROVIDERS["provider"], kinds.FIELDS_OF["provider"]), **nested})


def _key() -> dict[str, Any]:
    tracked = [field.attname for field in ApiKey.history.model.tracked_fields]
    own = [name for name in tracked if name not in _NOT_IN_A_KEY]
    return _object({**_columns(ApiKey, own), "secret": _SECRET})


def _parameter() -> dict[str, Any]:
    own = _columns(ConnectionParameter, ["param_name", "is_sensitive", "environment", "bound_to"])
    return {**_object({**own, "param_value": {}, "secret": _SECRET}), "required": ["param_name"]}


def _columns(model: type[Tracked], names: Iterable[str]) -> dict[str, Any]:
    return {name: _column(next(f for f in model._meta.concrete_fields if f.attname == name)) for name in names}


def _column(field: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"description": str(field.help_text)} if field.help_text else {}
    if isinstance(field, models.JSONField):
        empty = field.get_default()
        kind = "object" if isinstance(empty, dict) else "array" if isinstance(empty, list) else None
        return found | ({"type": kind} if kind else {})
    kind = "string"
    if isinstance(field, models.BooleanField):
        kind = "boolean"
    elif isinstance(field, models.IntegerField):
        kind = "integer"
    return found | {"type": [kind, "null"] if field.null else kind}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    """What stands in the file without a value (`echo:`) is an empty one."""
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _named(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": item}


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": item}


def _problems(document: Document, errors: Iterable[ValidationError]) -> Iterator[str]:
    for error in errors:
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            for name in sorted(set(error.instance) - set(error.schema["properties"])):
                yield f"{document.place((*path, name))}: there is no such field."
        elif error.validator == "required":
            for name in sorted(set(error.validator_value) - set(error.instance)):
                yield f"{document.place((*path, name))}: it must be {VERSION if name == 'version' else 'given'}."
        else:
            yield f"{document.place(path)}: it must be {_expected(error)}."


def _expected(error: ValidationError) -> str:
    if error.validator == "const":
        return str(error.validator_value)
    if error.validator == "oneOf":
        return "a text or {stored: fingerprint}"
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    return " or ".join(_NAMES[name] for name in wanted)
