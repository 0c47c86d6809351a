"""The groups viewer, operator and admin: what each may do, as Django's permissions.

Made by every `migrate`. A right is given to its group once: what somebody took from the group later stays taken, what
somebody added stays, and a right that a newer version brings comes in.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction

from access.models import RoleState

VIEWED = {
    "audit": ("changeset", "call", "healthevent", "healthstate", "incident"),
    "providers": ("provider", "providermodel", "apikey", "connectionparameter", "route"),
    "access": ("project", "projectkey"),
}
OPERATED = {"providers": VIEWED["providers"], "access": VIEWED["access"]}
ADMINISTERED = {
    "access": ("usertoken", "providergrant"),
    "auth": ("user", "group"),
    "axes": ("accessattempt",),
    "providers": ("configfilestate",),  # import and sync of the configuration file
}
# Putting everything back is a right of its own; what a revert writes asks for the rights over that as well.
REVERTED = {"audit": ("changeset",)}
EVERYTHING_REVERTED = {"audit": ("everything",)}
BROKEN = {"audit": ("healthstate",)}  # a breaker, so that calls go to its provider again at once
READ = ("view",)
REVERT = ("revert",)
RESET = ("reset",)
WRITE = ("view", "add", "change", "delete")

ROLES = {
    "viewer": ((VIEWED, READ),),
    "operator": ((VIEWED, READ), (OPERATED, WRITE), (REVERTED, REVERT), (BROKEN, RESET)),
    "admin": (
        (VIEWED, READ),
        (OPERATED, WRITE),
        (REVERTED, REVERT),
        (BROKEN, RESET),
        (ADMINISTERED, WRITE),
        (EVERYTHING_REVERTED, REVERT),
    ),
}


def after_migrate(**_: object) -> None:
    """For the signal post_migrate, which is also sent on the way to a state without these tables."""
    if {RoleState._meta.db_table, Group._meta.db_table} <= set(connection.introspection.table_names()):
        ensure_groups()


def ensure_groups() -> None:
    """Makes the groups that are missing, and gives each the rights that it was never given before."""
    with transaction.atomic():
        for role in ROLES:
            group, made = Group.objects.get_or_create(name=role)
            state, _ = RoleState.objects.select_for_update().get_or_create(role=role)
            given = set() if made else set(state.given)
            new = {_name(row): row for row in _permissions(role) if _name(row) not in given}
            if new:
                group.permissions.add(*new.values())
                state.given = sorted(given.union(new))
                state.save()


def _name(permission: Permission) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"


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
