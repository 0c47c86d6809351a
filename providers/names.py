"""Checks of single values: names, numbers, JSON. Each raises ValidationError({field: [message]})."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from providers.models import Environment
from providers.problems import refuse
from providers.secrets import looks_secret

LARGEST_SMALL = 32_767  # PositiveSmallIntegerField
DEEPEST = 20  # levels of JSON
LARGEST = 2_147_483_647  # PositiveIntegerField
_FORBIDDEN_IN_MODEL_IDS = ("?", "#", "%", "//")


def check_model_id(value: Any) -> None:
    """Anything but control characters, `?`, `#`, `%`, `//`, a slash at either end, `.` or `..`
    between slashes (in the address of a provider they lead elsewhere)."""
    if not isinstance(value, str) or not value:
        raise refuse("model_id", "It must be a text that is not empty.")
    if len(value) > 255:
        raise refuse("model_id", "It has at most 255 characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise refuse("model_id", "It must not hold control characters.")
    for part in _FORBIDDEN_IN_MODEL_IDS:
        if part in value:
            raise refuse("model_id", f'It must not hold "{part}".')
    if value.startswith("/") or value.endswith("/"):
        raise refuse("model_id", "It must not begin or end with a slash.")
    if {".", ".."} & set(value.split("/")):
        raise refuse("model_id", 'It must not hold "." or ".." between slashes.')


def check_environment(value: Any) -> None:
    if value not in Environment.values:
        names = ", ".join(name for name in Environment.values if name)
        raise refuse("environment", f"It must be one of {names}, or empty for every environment.")


def check_whole_number(field: str, value: Any, *, smallest: int = 0, largest: int = LARGEST) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(field, "It must be a whole number.")
    if not smallest <= value <= largest:
        raise refuse(field, f"It must lie between {smallest} and {largest}.")


def check_object(field: str, value: Any) -> None:
    """A JSON object without secrets in it."""
    if not isinstance(value, dict):
        raise refuse(field, "It must be a JSON object.")
    check_json(field, value)


def check_texts(field: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise refuse(field, 'It must be a list of texts: ["tools", "vision"].')
    if len(set(value)) != len(value):
        raise refuse(field, "An entry stands here twice.")
    check_json(field, value)


def check_json(field: str, value: Any, *, plain: bool = True, depth: int = 0) -> None:
    """Texts that databases can hold; in `plain` values no names that look like secrets, at any depth."""
    if depth > DEEPEST:
        raise refuse(field, f"It is nested deeper than {DEEPEST} levels.")
    if isinstance(value, str) and re.search("[\x00\ud800-\udfff]", value):
        raise refuse(field, "A text in it holds characters that cannot be stored (NUL, half of a pair).")
    if isinstance(value, float) and not math.isfinite(value):
        raise refuse(field, "A number in it is not finite.")
    if isinstance(value, list):
        for item in value:
            check_json(field, item, plain=plain, depth=depth + 1)
    if isinstance(value, dict):
        for name, item in value.items():
            check_json(field, name, plain=plain, depth=depth + 1)
            if plain and looks_secret(name):
                raise refuse(field, f'"{name[:60]}" looks like a secret: make it a sensitive parameter.')
            check_json(field, item, plain=plain, depth=depth + 1)
