"""Commands translate errors of services to CommandError, and name themselves as the source of the change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from audit import source


@contextmanager
def as_command(name: str) -> Iterator[None]:
    """Everything inside has origin `command`; a ValidationError becomes one line per field."""
    try:
        with source.use(origin="command", actor=f"manage.py {name}"):
            yield
    except ValidationError as error:
        raise CommandError(_lines(error)) from error


def _lines(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "\n".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
