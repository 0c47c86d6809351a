"""Texts of project keys (`gw-`) and user tokens (`gwadm-`): made at random, shown once, stored as a hash."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

PROJECT_KEY_PREFIX = "gw-"
USER_TOKEN_PREFIX = "gwadm-"
RANDOM_BYTES = 32
LEAST_CHARACTERS = 32
_SHOWN_OF_PREFIX = 5  # characters of the random part that a list may show beside the prefix


@dataclass(frozen=True, slots=True)
class Credential:
    """`text` is for its owner, once; the other three are what the database holds. `repr` never shows the text."""

    text: str = field(repr=False)
    hash: str = field(repr=False)
    prefix: str
    last4: str


def new_project_key(value: str | None = None) -> Credential:
    """A key of a project; `value` is one given by the operator. ValidationError({"value"}) where it is too weak."""
    return _credential(PROJECT_KEY_PREFIX, value)


def new_user_token(value: str | None = None) -> Credential:
    """A token of a user; `value` is one given by the operator. ValidationError({"value"}) where it is too weak."""
    return _credential(USER_TOKEN_PREFIX, value)


def digest(text: str) -> str:
    """SHA-256, hex. The texts are random and long, so a salt or a slow hash would add nothing but time."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_id() -> str:
    return f"key-{secrets.token_hex(6)}"


def token_id(username: str) -> str:
    """An id that names the user as they are called now; it is never changed afterwards."""
    name = re.sub(r"[^a-z0-9._-]+", "-", username.lower()).strip("-._")[:40]
    return f"{name or 'user'}-{secrets.token_hex(6)}"


def _credential(prefix: str, value: str | None) -> Credential:
    text = prefix + secrets.token_urlsafe(RANDOM_BYTES) if value is None else _checked(prefix, value)
    # A given value may be no random text: less of it is shown.
    shown = len(prefix) + (_SHOWN_OF_PREFIX if value is None else 0)
    return Credential(text=text, hash=digest(text), prefix=text[:shown], last4=text[-4:])


def _checked(prefix: str, value: str) -> str:
    if not value.startswith(prefix):
        raise ValidationError({"value": [f"It must begin with {prefix}."]})
    if len(value) < LEAST_CHARACTERS:
        raise ValidationError({"value": [f"It must have at least {LEAST_CHARACTERS} characters."]})
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValidationError({"value": ["It must be of visible ASCII characters, without spaces."]})
    return value
