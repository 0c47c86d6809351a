"""What the fields of projects, keys and tokens may hold. Each check raises ValidationError({field: [messages]})."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from providers.models import Environment, Route

LONGEST_MODEL_NAME = 330  # provider_id, a slash, model_id
MOST_TAGS = 50
LONGEST_TAG = 200


class Errors:
    """Collects what is wrong, field by field, so that the caller hears everything at once."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, field: str, message: str) -> None:
        self._found.setdefault(field, []).append(message)

    def add_all(self, error: ValidationError) -> None:
        for field, messages in error.message_dict.items():
            self._found.setdefault(field, []).extend(messages)

    def __contains__(self, field: str) -> bool:
        return field in self._found

    def raise_found(self) -> None:
        if self._found:
            raise ValidationError(self._found)


def assign(row: models.Model, fields: Mapping[str, Any], *, allowed: Iterable[str]) -> set[str]:
    """Sets `fields` on `row`; the names of those that differed. What was right when it was entered is not asked again
    by the checks of an update: an expired key can still be renamed.

    TypeError for a name that is none of `allowed`: a mistake of the door, not of the user."""
    unknown = set(fields) - set(allowed)
    if unknown:
        raise TypeError(f"No such fields: {', '.join(sorted(unknown))}.")
    changed = {name for name, value in fields.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, fields[name])
    return changed


def check_columns(row: models.Model, errors: Errors, *, exclude: Iterable[str] = ()) -> None:
    """Django's own checks of length, form and choice."""
    try:
        row.clean_fields(exclude=list(exclude))
    except ValidationError as error:
        errors.add_all(error)


def check_allowed_models(value: Any, errors: Errors) -> None:
    if not isinstance(value, list):
        errors.add("allowed_models", 'It must be a list of names: route names, "provider/model", model ids, or "*".')
        return
    for name in value:
        if not isinstance(name, str) or not name.strip() or name != name.strip():
            errors.add("allowed_models", "Each entry must be a text that is not empty, without spaces around it.")
            return
        if len(name) > LONGEST_MODEL_NAME or not name.isprintable():
            errors.add("allowed_models", f"An entry has at most {LONGEST_MODEL_NAME} visible characters.")
            return
    if len(set(value)) != len(value):
        errors.add("allowed_models", "An entry stands here twice.")


def check_tags(value: Any, errors: Errors) -> None:
    if not isinstance(value, dict) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        errors.add("tags", 'It must be an object of texts: {"team": "search"}.')
        return
    if len(value) > MOST_TAGS:
        errors.add("tags", f"There may be at most {MOST_TAGS} tags.")
    texts = [*value, *value.values()]
    if "" in value or any(len(text) > LONGEST_TAG or not text.isprintable() for text in texts):
        errors.add("tags", f"A tag has a name; name and value have at most {LONGEST_TAG} visible characters.")


def check_environment(value: Any, errors: Errors) -> None:
    if value not in Environment.values:
        names = ", ".join(name for name in Environment.values if name)
        errors.add("environment", f"It must be one of {names}, or empty for every environment.")


def check_default_route(name: str, errors: Errors) -> None:
    if name and not Route.objects.filter(name=name).exists():
        errors.add("default_route", f'There is no route "{name}".')


def check_expiry(value: datetime | None, errors: Errors) -> None:
    if value is None:
        return
    if not isinstance(value, datetime) or timezone.is_naive(value):
        errors.add("expires_at", "It must be a date and time with a time zone.")
    elif value <= timezone.now():
        errors.add("expires_at", "It must lie in the future.")


def check_unchanged(row: models.Model, fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """`fields` without the natural keys in `names`, which never change after creation."""
    for name in names:
        if name in fields and fields[name] != getattr(row, name):
            raise ValidationError({name: ["It never changes after creation."]})
    return {name: value for name, value in fields.items() if name not in names}
