"""From dumps back to columns: a dump holds JSON values only, a column may hold a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

Fields = Mapping[str, Any]


def typed(model: type[models.Model], fields: Fields, names: Iterable[str] | None = None) -> dict[str, Any]:
    """`fields` of a dump (of `names` those that are in it) with the types of their columns."""
    columns = {field.attname: field for field in model._meta.concrete_fields}
    wanted = fields if names is None else [name for name in names if name in fields]
    return {name: columns[name].to_python(fields[name]) for name in wanted}


def put(row: models.Model, fields: Fields) -> None:
    """Sets the columns of `row`, unsaved."""
    for name, value in typed(type(row), fields).items():
        setattr(row, name, value)
