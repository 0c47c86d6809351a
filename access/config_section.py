"""The section `projects` of the configuration file. Keys of projects and tokens are credentials of this installation,
of which only hashes are stored: they are no configuration, and in no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from access import services
from access.models import Project
from access.services.project import FIELDS
from providers.config_file import kinds


def register() -> None:
    """Called once, from the AppConfig."""
    kinds.register(kinds.Section("project", "projects", Project, "slug", FIELDS, _create, _update, _delete))


def _create(slug: str, fields: Mapping[str, Any]) -> None:
    services.create_project(slug=slug, **fields)


def _update(project: Project, fields: Mapping[str, Any]) -> None:
    services.update_project(project=project, **fields)


def _delete(project: Project) -> None:
    services.delete_project(project=project)
