"""What is wrong with a write, field by field, so that the operator hears everything at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from audit.errors import Duplicate, InUse


class Problems:
    """Collects messages. Fields of nested objects are named by their path: `models.0.model_id`."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._conflict: type[ValidationError] = ValidationError

    def add(self, field: str, message: str) -> None:
        self._found.setdefault(field, []).append(message)

    @contextmanager
    def under(self, path: str = "", *, one_field: bool = False) -> Iterator[None]:
        """Collects a ValidationError raised inside; its fields get `path` before their names, or are all `path`."""
        try:
            yield
        except ValidationError as error:
            if isinstance(error, Duplicate | InUse):
                self._conflict = type(error)
            for field, messages in by_field(error).items():
                name = path if one_field else f"{path}.{field}".lstrip(".")
                self._found.setdefault(name, []).extend(messages)

    def __contains__(self, field: str) -> bool:
        return field in self._found

    def raise_found(self) -> None:
        """ValidationError, or the 409 that was met, where anything was found."""
        if self._found:
            raise self._conflict(self._found)


def by_field(error: ValidationError) -> dict[str, list[str]]:
    """{field: [messages]} of any ValidationError."""
    return error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}


def refuse(field: str, message: str) -> ValidationError:
    """The error for one field: `raise refuse("weight", "...")`."""
    return ValidationError({field: [message]})


def assign(row: models.Model, fields: Mapping[str, Any], *, allowed: Iterable[str]) -> None:
    """Sets `fields` on `row`. ValidationError for names that are none of `allowed`."""
    unknown = set(fields) - set(allowed)
    if unknown:
        raise ValidationError({name: ["There is no such field."] for name in sorted(unknown)})
    for name, value in fields.items():
        setattr(row, name, value)


def check_columns(row: models.Model, problems: Problems, *, exclude: Iterable[str] = ()) -> None:
    """Django's own checks of length, form and choice; `exclude` has checks of its own."""
    with problems.under():
        row.clean_fields(exclude={"provider", *exclude})
