"""Resetting a breaker by hand: calls go there again at once, in every process. It is no change of the configuration."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.utils import timezone

from audit import health_orders, scope
from audit.health_models import HealthOrder, HealthState, Subject
from llm.observe.health_event import SubjectKind
from providers.models import ApiKey, Provider, ProviderModel

log = logging.getLogger(__name__)
RIGHT: Final = "audit.reset_healthstate"


class NoSuchSubject(ObjectDoesNotExist):
    """It is neither configured nor was anything ever heard of it, or the user may not see its provider."""


def reset(*, kind: SubjectKind, name: str, user: Any, reason: str = "") -> HealthOrder:
    """NoSuchSubject; PermissionDenied where the user may see the provider, but not change it."""
    provider = name.partition("/")[0]
    mine = scope.of(user)
    known = "\x00" not in name and (_is_configured(kind, name) or _was_heard_of(kind, name))
    if not known or not mine.sees(provider):
        raise NoSuchSubject(name)
    if not mine.changes(provider):
        raise PermissionDenied
    by = user.get_username()
    order = health_orders.give(
        kind=kind,
        name=name,
        action="close",
        cause="operator",
        now=timezone.now(),
        given_by=by,
        reason=reason,
    )
    log.warning("a breaker was reset", extra={"kind": kind, "subject": name, "by": by, "reason": reason})
    return order


def _was_heard_of(kind: str, name: str) -> bool:
    return HealthState.objects.filter(kind=kind, name=name).exists()


def _is_configured(kind: str, name: str) -> bool:
    provider, slash, rest = name.partition("/")
    if kind == Subject.Kind.PROVIDER:
        return not slash and Provider.objects.filter(provider_id=provider).exists()
    if kind == Subject.Kind.KEY:
        return ApiKey.objects.filter(provider=provider, key_id=rest).exists()
    # The provider's `*` stands for every model of it.
    return bool(rest) and ProviderModel.objects.filter(provider=provider, model_id__in=(rest, "*")).exists()
