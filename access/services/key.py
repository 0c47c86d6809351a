"""Writes of project keys. The text of a key leaves `create_key` once and is stored nowhere."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from access import credentials
from access.models import Project, ProjectKey
from access.validation import (
    Errors,
    assign,
    check_allowed_models,
    check_columns,
    check_expiry,
    check_unchanged,
)
from audit.errors import Duplicate
from audit.history import change_set

FIELDS = ("name", "enabled", "expires_at", "allowed_models")


def create_key(
    *,
    project: Project,
    name: str,
    expires_at: datetime | None = None,
    allowed_models: list[str] | None = None,
    enabled: bool = True,
    value: str | None = None,
) -> tuple[ProjectKey, str]:
    """The key and its text, which cannot be had again. `value` is a text given by the operator.

    ValidationError by field; Duplicate where the project has a key of this name, or the value is in use."""
    credential = credentials.new_project_key(value)
    key = ProjectKey(
        project=project,
        key_id=credentials.key_id(),
        name=name,
        key_hash=credential.hash,
        prefix=credential.prefix,
        last4=credential.last4,
        enabled=enabled,
        expires_at=expires_at,
    )
    if allowed_models is not None:
        key.allowed_models = allowed_models
    with change_set():
        check(key, changed=FIELDS)
        if ProjectKey.objects.filter(key_hash=credential.hash).exists():
            raise Duplicate({"value": ["This value is in use already."]})
        key.save()
    return key, credential.text


def update_key(*, key: ProjectKey, **fields: Any) -> ProjectKey:
    """`fields`: name, enabled, expires_at, allowed_models; `key_id` may be said again. ValidationError by field."""
    changes = check_unchanged(key, fields, ["key_id"])
    with change_set():
        key.refresh_from_db()
        check(key, changed=assign(key, changes, allowed=FIELDS))
        key.save()
    return key


def revoke_key(*, key: ProjectKey) -> None:
    """The row goes, and the key is refused within a second; its history stays."""
    with change_set():
        key.delete()


def check(key: ProjectKey, *, changed: Collection[str]) -> None:
    """Raises ValidationError by field, or Duplicate."""
    errors = Errors()
    if key.enabled and not key.last4:
        errors.add("enabled", "Its text was lost when it was deleted: make a new key.")
    check_columns(key, errors, exclude=["project", "last4"])
    check_allowed_models(key.allowed_models, errors)
    if "expires_at" in changed:
        check_expiry(key.expires_at, errors)
    errors.raise_found()
    others = ProjectKey.objects.filter(project=key.project_id, name=key.name).exclude(pk=key.pk)
    if others.exists():
        raise Duplicate({"name": [f'The project has a key "{key.name}" already.']})
