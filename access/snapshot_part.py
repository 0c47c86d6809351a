"""The callers' part of a snapshot."""

from __future__ import annotations

from django.db.models import Q

from access.models import Project, ProjectKey
from llm.snapshot import Caller, CallersPart


def snapshot_part(*, environment: str) -> CallersPart:
    """Enabled projects of this environment (or of every one) and their enabled keys; `expires_at` is carried along, so
    that a key ends on time and not with the next change."""
    projects = {
        project.slug: project
        for project in Project.objects.filter(Q(environment="") | Q(environment=environment), enabled=True)
    }
    keys = [key for key in ProjectKey.objects.filter(enabled=True) if key.project_id in projects]
    return CallersPart(
        by_key_hash={bytes.fromhex(key.key_hash): _caller(projects[key.project_id], key) for key in keys},
        by_project={slug: _caller(project) for slug, project in projects.items()},
    )


def _caller(project: Project, key: ProjectKey | None = None) -> Caller:
    return Caller(
        project=project.slug,
        key_id=key.key_id if key is not None else None,
        allowed_models=tuple(project.allowed_models),
        key_allowed_models=tuple(key.allowed_models) if key is not None else ("*",),
        default_route=project.default_route or None,
        expires_at=key.expires_at if key is not None else None,
        accept_tasks=project.accept_tasks,
        tags=dict(project.tags),
    )
