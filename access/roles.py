"""The groups viewer, operator and admin: what each may do, as Django's permissions."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import Group, Permission
from django.db import transaction

VIEWED = {
    "audit": ("changeset", "call"),
    "providers": ("provider", "providermodel", "apikey", "connectionparameter", "route"),
    "access": ("project", "projectkey"),
}
OPERATED = {"providers": VIEWED["providers"], "access": VIEWED["access"]}
ADMINISTERED = {"access": ("usertoken",), "auth": ("user", "group")}
READ = ("view",)
WRITE = ("view", "add", "change", "delete")

ROLES = {
    "viewer": ((VIEWED, READ),),
    "operator": ((VIEWED, READ), (OPERATED, WRITE)),
    "admin": ((VIEWED, READ), (OPERATED, WRITE), (ADMINISTERED, WRITE)),
}


def ensure_groups() -> None:
    """Makes the groups that are missing. A group that exists keeps the rights that somebody gave or took; only a new
    one is filled."""
    with transaction.atomic():
        for role in ROLES:
            group, made = Group.objects.get_or_create(name=role)
            if made:
                group.permissions.set(_permissions(role))


def _permissions(role: str) -> list[Permission]:
    wanted = set(_codenames(role))
    apps = {app for app, _ in wanted}
    rows = Permission.objects.filter(content_type__app_label__in=apps).select_related("content_type")
    return [row for row in rows if (row.content_type.app_label, row.codename) in wanted]


def _codenames(role: str) -> Iterator[tuple[str, str]]:
    for models, actions in ROLES[role]:
        for app, names in models.items():
            for name in names:
                for action in actions:
                    yield app, f"{action}_{name}"
