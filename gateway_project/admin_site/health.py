"""The page of health: what is not called as usual now and a button to reset it, incidents, and changes of state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit import health_state, incidents, scope
from audit.admin_health import COLOURS, WORDS
from audit.admin_reason import reason_of
from audit.health_models import HealthEvent, HealthOrder, Incident, Subject
from audit.spans import span
from gateway_project import breakers
from gateway_project.admin_site import incident_chart

PERMISSION = "audit.view_healthstate"
LATEST_EVENTS = 20
LATEST_RESETS = 5
MOST_INCIDENTS = 50
LONGEST_REASON = 1000


def permitted(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(PERMISSION))


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    if not permitted(request):
        raise PermissionDenied
    now, user = timezone.now(), request.user
    of_the_day = list(
        scope.narrowed(Incident.objects.filter(Q(closed_at=None) | Q(closed_at__gte=now - incident_chart.DAY)), user)
    )
    orders = HealthOrder.objects.filter(cause=Subject.Cause.OPERATOR)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Health",
        "now": now,
        "states": _states(user, now),
        "strips": incident_chart.strips(of_the_day, now=now),
        "width": incident_chart.WIDTH,
        "incidents": [(row, span(incidents.seconds(row, now=now))) for row in of_the_day[:MOST_INCIDENTS]],
        "events": [_labelled(row, row.new) for row in scope.narrowed(HealthEvent.objects.all(), user)[:LATEST_EVENTS]],
        "resets": scope.narrowed(orders, user)[:LATEST_RESETS],
    }
    return TemplateResponse(request, "admin/health/page.html", context)


@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(breakers.RIGHT):
        raise PermissionDenied
    kind, name = request.POST.get("kind", ""), request.POST.get("name", "")
    try:
        if kind not in Subject.Kind.values:
            raise breakers.NoSuchSubject(name)
        breakers.reset(kind=kind, name=name, user=request.user, reason=_reason(request))
        messages.success(request, f"{name} is called again: every process hears of it within half a second.")
    except breakers.NoSuchSubject:
        messages.error(request, "There is no such provider, model or key any more.")
    return redirect("health")


def _reason(request: HttpRequest) -> str:
    return reason_of(request).replace("\x00", "")[:LONGEST_REASON]


def _states(user: Any, now: datetime) -> list[dict[str, Any]]:
    """The worst first; `resettable` where the user may do it."""
    may, mine = user.has_perm(breakers.RIGHT), scope.of(user)
    rows = sorted(
        scope.narrowed(health_state.current(now=now), user),
        key=lambda row: (health_state.WORST.index(row.state), row.kind, row.name),
    )
    return [
        {**_labelled(row, row.state), "resettable": may and mine.changes(row.provider), "over": _over(row.until, now)}
        for row in rows
    ]


def _labelled(row: Any, state: str) -> dict[str, Any]:
    return {"row": row, "state": WORDS.get(state, state), "colour": COLOURS[state]}


def _over(until: datetime | None, now: datetime) -> bool:
    return until is not None and until <= now
