"""Writes of grants: which providers a user, or the members of a group, may see and change."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group

from access.models import ProviderGrant
from access.validation import Errors, assign, check_columns, check_unchanged
from audit.errors import Duplicate
from audit.history import change_set
from providers.models import Provider

FIELDS = ("may_change",)


def create_grant(
    *, user: Any = None, group: Group | None = None, provider: str = "", may_change: bool = False
) -> ProviderGrant:
    """One of `user` and `group`. `provider` is a provider_id, or empty: limited, and nothing given.

    ValidationError by field; Duplicate where there is such a grant."""
    grant = ProviderGrant(user=user, group=group, provider=provider, may_change=may_change and bool(provider))
    grant.holder = user.get_username() if user is not None else f"group:{group}"
    with change_set():
        _check(grant)
        if ProviderGrant.objects.filter(user=user, group=group, provider=provider).exists():
            raise Duplicate({"provider": [f"{grant.holder} has this grant already."]})
        grant.save()
    return grant


def update_grant(*, grant: ProviderGrant, **fields: Any) -> ProviderGrant:
    """`fields`: may_change; the rest never changes and may be said again. ValidationError by field."""
    changes = check_unchanged(grant, fields, ["user", "group", "provider"])
    with change_set():
        grant.refresh_from_db()
        assign(grant, changes, allowed=FIELDS)
        grant.save()
    return grant


def revoke_grant(*, grant: ProviderGrant) -> None:
    """With the last one the limit goes too: the rights of the groups hold for every provider again."""
    with change_set():
        grant.delete()


def _check(grant: ProviderGrant) -> None:
    errors = Errors()
    check_columns(grant, errors, exclude=["user", "group"])
    if (grant.user is None) == (grant.group is None):
        errors.add("user", "Choose a user or a group, and not both.")
    elif grant.user is not None and grant.user.is_superuser:
        errors.add("user", "A superuser cannot be limited.")
    if grant.provider and not Provider.objects.filter(provider_id=grant.provider).exists():
        errors.add("provider", f'There is no provider "{grant.provider}".')
    errors.raise_found()
