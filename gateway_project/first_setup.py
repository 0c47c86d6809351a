"""What the first `init_db` makes, so that a newcomer can log in and call: each thing only where there is none."""

from __future__ import annotations

import os
import secrets

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from access import roles, services
from access.models import Project, ProjectKey, UserToken
from audit.history import change_set
from gateway_project.supervisor.first_run import FirstRun

DEFAULT_PROJECT = "default"
ADMIN = "admin"


def make_missing() -> FirstRun | None:
    """Groups, admin user, token, default project and key; None where the last four were there.

    ValidationError by field for values of the environment that are too short or of the wrong prefix."""
    roles.ensure_groups()
    first_run = FirstRun(user=ADMIN)
    with change_set(origin="command", actor="init_db", reason="first set-up"):
        made = [_admin(first_run), _token(first_run), _project(), _key(first_run)]
    return first_run if any(made) else None


def _given(name: str) -> str | None:
    return os.environ.get(f"LLM_GATEWAY_{name}") or None


def _admin(first_run: FirstRun) -> bool:
    if get_user_model().objects.filter(is_superuser=True).exists():
        return False
    given = _given("ADMIN_PASSWORD")
    password = given or secrets.token_urlsafe(15)
    services.create_user(username=ADMIN, password=password, superuser=True)
    if given is None:
        first_run.generated["admin_password"] = password
    return True


def _token(first_run: FirstRun) -> bool:
    if UserToken.objects.exists():
        return False
    user = get_user_model().objects.filter(is_superuser=True).order_by("pk").first()
    if user is None:
        raise CommandError("There is no superuser to make a token for.")
    given = _given("ADMIN_TOKEN")
    _, text = services.create_token(user=user, name="default", value=given)
    if given is None:
        first_run.generated["admin_token"] = text
    return True


def _project() -> bool:
    if Project.objects.exists():
        return False
    services.create_project(slug=DEFAULT_PROJECT, name="Default", accept_tasks=True)
    return True


def _key(first_run: FirstRun) -> bool:
    project = Project.objects.filter(slug=DEFAULT_PROJECT).first()
    if project is None or ProjectKey.objects.exists():
        return False
    given = _given("PROJECT_KEY")
    _, text = services.create_key(project=project, name="default", value=given)
    if given is None:
        first_run.generated["project_key"] = text
    return True
