"""Writes of users: people and services that manage the gateway."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from audit.errors import Duplicate


def create_user(*, username: str, password: str | None, groups: Sequence[str] = (), superuser: bool = False) -> User:
    """A user who may enter the admin; what they may do there, their groups say. Without a
    password they have tokens only.

    ValidationError by field; Duplicate where the name is taken."""
    user = User(username=User.normalize_username(username), is_staff=True, is_superuser=superuser)
    user.clean_fields(exclude=["password"])
    _check_password(password, user)
    user.set_password(password)
    with transaction.atomic():
        members = _groups(groups)
        if User.objects.filter(username=user.username).exists():
            raise Duplicate({"username": [f'There is a user "{user.username}" already.']})
        user.save()
        user.groups.set(members)
    return user


def _check_password(password: str | None, user: User) -> None:
    if password is None:
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


def _groups(names: Sequence[str]) -> list[Group]:
    found = {group.name: group for group in Group.objects.filter(name__in=names)}
    missing = sorted(set(names) - set(found))
    if missing:
        raise ValidationError({"groups": [f'There is no group "{name}".' for name in missing]})
    return list(found.values())
