"""The providers given to a user: what `audit.scope` answers, and what the rights of a limited user come to."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from access.models import ProviderGrant
from audit.scope import EVERYTHING, Scope

NOTHING = Scope(frozenset(), frozenset())
_OF_A_PROVIDER = ("providermodel", "apikey", "connectionparameter", "route")
# All that a limited user can have at all. New providers, callers, users, rights, imports and reverts are about more
# than the providers given to them.
LEFT = frozenset(
    [f"providers.{verb}_{name}" for verb in ("view", "add", "change", "delete") for name in _OF_A_PROVIDER]
    + [f"providers.{verb}_provider" for verb in ("view", "change", "delete")]
    + ["access.view_project", "access.view_projectkey", "audit.view_call", "audit.view_changeset"]
    + ["audit.view_healthevent", "audit.view_healthstate", "audit.view_incident", "audit.reset_healthstate"]
)


def scope_of(user: Any) -> Scope:
    """The union of a user's own grants and those of their groups; everything where there is none."""
    if user.is_superuser:
        return EVERYTHING
    if user.pk is None:
        return NOTHING
    rows = ProviderGrant.objects.filter(Q(user=user.pk) | Q(group__user=user.pk)).values_list("provider", "may_change")
    given = list(rows)
    if not given:
        return EVERYTHING
    seen = frozenset(provider for provider, _ in given if provider)
    return Scope(seen, frozenset(provider for provider, may_change in given if provider and may_change))
