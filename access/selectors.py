"""Reads about callers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from access import credentials
from access.models import Project, ProjectKey, UserToken


def projects() -> QuerySet[Project]:
    return Project.objects.all()


def keys_of(slug: str) -> QuerySet[ProjectKey]:
    return ProjectKey.objects.filter(project=slug).select_related("state")


def token_by_text(text: str) -> UserToken | None:
    """The token with this text, whatever its state."""
    return UserToken.objects.select_related("user", "state").filter(token_hash=credentials.digest(text)).first()


def credential_state(row: ProjectKey | UserToken, *, now: datetime | None = None) -> str:
    """`active`, `disabled`, `expired`, or `awaiting_secret`: brought back by a revert, which cannot bring its text."""
    if not row.last4:
        return "awaiting_secret"
    if not row.enabled:
        return "disabled"
    if row.expires_at is not None and row.expires_at <= (now or timezone.now()):
        return "expired"
    return "active"


def last_used_at(row: ProjectKey | UserToken) -> datetime | None:
    state = getattr(row, "state", None)
    return state.last_used_at if state is not None else None


def callers_naming(names: Collection[str]) -> list[str]:
    """Names ("project:search") of the projects whose default route or allowed models hold one of `names`, and of the
    keys whose allowed models do."""
    wanted = set(names)
    found = [
        f"project:{project.slug}"
        for project in Project.objects.all()
        if project.default_route in wanted or wanted.intersection(project.allowed_models)
    ]
    found += [
        f"project_key:{key.project_id}/{key.key_id}"
        for key in ProjectKey.objects.all()
        if wanted.intersection(key.allowed_models)
    ]
    return sorted(found)
