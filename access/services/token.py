"""Writes of user tokens. The text of a token leaves `create_token` once and is stored nowhere."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from access import credentials
from access.models import UserToken
from access.validation import Errors, assign, check_columns, check_expiry, check_unchanged
from audit.errors import Duplicate
from audit.history import change_set

FIELDS = ("name", "enabled", "expires_at")


def create_token(
    *, user: Any, name: str, expires_at: datetime | None = None, enabled: bool = True, value: str | None = None
) -> tuple[UserToken, str]:
    """The token and its text, which cannot be had again. `value` is a text given by the operator.

    ValidationError by field; Duplicate where the user has a token of this name, or the value is in use."""
    credential = credentials.new_user_token(value)
    token = UserToken(
        user=user,
        token_id=credentials.token_id(user.get_username()),
        name=name,
        token_hash=credential.hash,
        prefix=credential.prefix,
        last4=credential.last4,
        enabled=enabled,
        expires_at=expires_at,
    )
    with change_set():
        _check(token, changed=FIELDS)
        if UserToken.objects.filter(token_hash=credential.hash).exists():
            raise Duplicate({"value": ["This value is in use already."]})
        token.save()
    return token, credential.text


def update_token(*, token: UserToken, **fields: Any) -> UserToken:
    """`fields`: name, enabled, expires_at; `token_id` may be said again. ValidationError by field."""
    changes = check_unchanged(token, fields, ["token_id"])
    with change_set():
        token.refresh_from_db()
        _check(token, changed=assign(token, changes, allowed=FIELDS))
        token.save()
    return token


def revoke_token(*, token: UserToken) -> None:
    """The row goes, and the token is refused at once; its history stays."""
    with change_set():
        token.delete()


def _check(token: UserToken, *, changed: Collection[str]) -> None:
    errors = Errors()
    check_columns(token, errors, exclude=["user"])
    if "expires_at" in changed:
        check_expiry(token.expires_at, errors)
    errors.raise_found()
    others = UserToken.objects.filter(user=token.user_id, name=token.name).exclude(pk=token.pk)
    if others.exists():
        raise Duplicate({"name": [f'The user has a token "{token.name}" already.']})
