"""Puts projects and their keys back, for a revert: `fields` is a dump of the history, by column."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from access import credentials
from access.models import Project, ProjectKey
from access.services import key as keys
from access.services import project as projects
from audit import dumps
from audit.history import change_set

Fields = Mapping[str, Any]


def restore_project(fields: Fields) -> None:
    said = dumps.typed(Project, fields, projects.FIELDS)
    row = Project.objects.filter(slug=fields["slug"]).first()
    if row is None:
        row = projects.create_project(slug=fields["slug"], **said)
    else:
        row = projects.update_project(project=row, **said)
    dumps.put(row, fields)
    row.save()


def restore_key(fields: Fields) -> None:
    """A revoked key comes back with a hash that no text has: its own was deleted with it, and is in no history."""
    row = ProjectKey.objects.filter(key_id=fields["key_id"]).first()
    with change_set():
        if row is None:
            row = ProjectKey(key_id=fields["key_id"], key_hash=credentials.digest(secrets.token_hex(32)))
        elif row.project_id != fields["project_id"]:
            raise ValidationError({"key_id": ["Another project has a key of this id."]})
        if not Project.objects.filter(slug=fields["project_id"]).exists():
            raise ValidationError({"project": [f'There is no project "{fields["project_id"]}".']})
        dumps.put(row, fields)
        # Its end was right when it was entered, also where it has passed now.
        keys.check(row, changed=[name for name in keys.FIELDS if name != "expires_at"])
        row.save()


def vacate_key(now: Fields, fields: Fields) -> None:
    """Frees the key's name for a moment, where it is about to get another one."""
    if now["name"] != fields["name"]:
        row = ProjectKey.objects.get(key_id=now["key_id"])
        row.name = f"~{row.key_id}"
        row.save()


def delete_project(fields: Fields) -> None:
    row = Project.objects.filter(slug=fields["slug"]).first()
    if row is not None:
        projects.delete_project(project=row)


def delete_key(fields: Fields) -> None:
    row = ProjectKey.objects.filter(key_id=fields["key_id"]).first()
    if row is not None:
        keys.revoke_key(key=row)
