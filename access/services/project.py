"""Writes of projects."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypedDict, Unpack

from access.models import Project
from access.validation import (
    Errors,
    assign,
    check_allowed_models,
    check_columns,
    check_default_route,
    check_environment,
    check_tags,
    check_unchanged,
)
from audit.errors import Duplicate
from audit.history import change_set


class ProjectFields(TypedDict, total=False):
    """What an operator decides about a project. `default_route` is a route's name or empty."""

    name: str
    owner: str
    enabled: bool
    allowed_models: list[str]
    default_route: str
    tags: dict[str, str]
    environment: str
    accept_tasks: bool


FIELDS = tuple(ProjectFields.__annotations__)


def create_project(*, slug: str, **fields: Unpack[ProjectFields]) -> Project:
    """ValidationError by field; Duplicate where the slug is taken."""
    project = Project(slug=slug)
    assign(project, fields, allowed=FIELDS)
    with change_set():
        _check(project, changed=FIELDS)
        if Project.objects.filter(slug=slug).exists():
            raise Duplicate({"slug": [f'There is a project "{slug}" already.']})
        project.save()
    return project


def update_project(*, project: Project, **fields: Any) -> Project:
    """`fields` are those of ProjectFields; `slug` may be said again. ValidationError by field."""
    changes = check_unchanged(project, fields, ["slug"])
    with change_set():
        project.refresh_from_db()
        _check(project, changed=assign(project, changes, allowed=FIELDS))
        project.save()
    return project


def delete_project(*, project: Project) -> None:
    """Its keys go with it and are refused from then on; history and calls stay."""
    with change_set():
        project.delete()


def _check(project: Project, *, changed: Collection[str]) -> None:
    errors = Errors()
    check_columns(project, errors, exclude=["environment"])
    check_allowed_models(project.allowed_models, errors)
    check_tags(project.tags, errors)
    check_environment(project.environment, errors)
    if "default_route" in changed and "default_route" not in errors:
        check_default_route(project.default_route, errors)
    errors.raise_found()
