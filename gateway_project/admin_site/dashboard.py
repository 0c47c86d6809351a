"""The admin's start page: how the calls of the last hour, day or week went, and what the configuration is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from audit import scope, usage
from audit.models import ChangeSet
from gateway_project import status
from gateway_project.admin_site import charts, first_run, lines
from providers import selectors
from providers.models import ApiKey, Provider

PERMISSION = "audit.view_call"
DEFAULT_WINDOW: usage.Window = "24h"
WORDS = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days"}
STEPS = {"1h": "by minute", "24h": "by hour", "7d": "by six hours"}


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's hook for the start page. Whoever may not see calls gets the plain one: a list of what there is."""
    if not request.user.has_perm(PERMISSION):
        return context
    window = _window(request)
    overview = usage.overview(window, now=timezone.now(), providers=scope.of(request.user).seen)
    # Read once for the table and the checklist: a list of providers costs the same few queries, however long it is.
    providers = list(scope.narrowed(selectors.providers(), request.user))
    return {
        **context,
        "title": "Dashboard",
        "dashboard": True,
        "overview": overview,
        "totals": overview.totals,
        "window": window,
        "within": WORDS[window].removeprefix("1 "),
        "by": STEPS[window],
        "windows": [(name, WORDS[name], name == window) for name in usage.WINDOWS],
        "charts": charts.of(overview) if overview.totals.requests else (),
        "errors": [(row, reverse("admin:audit_call_change", args=[row.call_id])) for row in overview.latest_errors],
        **_first_run(request, overview, providers),
        **_configuration(request.user, overview, providers),
    }


def _window(request: HttpRequest) -> usage.Window:
    asked = request.GET.get("window", "")
    return next((name for name in usage.WINDOWS if name == asked), DEFAULT_WINDOW)


def _first_run(request: HttpRequest, overview: usage.Overview, providers: list[Provider]) -> dict[str, Any]:
    """The checklist, as long as there are neither calls to show nor all steps done."""
    steps = [] if overview.totals.requests else first_run.steps(request.user, providers)
    if all(step.done for step in steps):
        return {"steps": []}
    curl = first_run.curl(providers, base_url=request.build_absolute_uri("/v1"))
    return {"steps": steps, "steps_done": sum(step.done for step in steps), "first_curl": curl}


def _configuration(user: AbstractUser, overview: usage.Overview, providers: list[Provider]) -> dict[str, Any]:
    """What the user may see of it."""
    seen = user.has_perm("providers.view_provider")
    changes = scope.narrowed(ChangeSet.objects.all(), user)
    return {
        "providers": lines.of_providers(overview, providers) if seen else None,
        "expiring": _expiring(providers, overview) if user.has_perm("providers.view_apikey") else [],
        "may_add": user.has_perm("providers.add_provider"),
        "latest": changes.first() if user.has_perm("audit.view_changeset") else None,
        "environment_name": settings.GATEWAY_ENV,
    }


def _expiring(providers: list[Provider], overview: usage.Overview) -> list[tuple[Provider, ApiKey, str]]:
    return [
        (provider, key, reverse("admin:providers_apikey_change", args=[key.pk]))
        for provider in providers
        for key in status.expiring_keys(provider, now=overview.until)
    ]
