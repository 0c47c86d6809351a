"""The playground's two doors: its page, and the call itself, told to the browser as server-sent events.

Whoever may change providers (operators, admins) may use it: a call from here costs the chosen project what any other
call costs it, and stands in the call table with the user's name and the tag `door: playground`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from audit import scope
from audit.scope import Scope
from gateway_project.admin_site import snippets
from gateway_project.admin_site.playground_call import Ask, event, told
from gateway_project.admin_site.playground_form import PlaygroundForm
from gateway_project.admin_site.pumped import pumped
from llm import service
from llm.errors import GatewayError
from llm.snapshot import Route, Snapshot

PERMISSION = "providers.change_provider"
Door = Callable[[HttpRequest], HttpResponse]


def permitted(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(PERMISSION))


def _for_operators(door: Door) -> Door:
    @wraps(door)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not permitted(request):
            raise PermissionDenied
        return door(request)

    return guarded


@require_GET
@_for_operators
def page(request: HttpRequest) -> HttpResponse:
    snapshot, problem = _snapshot(request)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Playground",
        "form": PlaygroundForm(snapshot=snapshot, initial={"model": request.GET.get("model", "")}),
        "problem": problem,
        "nothing_to_call": snapshot is not None and not (snapshot.providers.models and snapshot.callers.by_project),
    }
    return TemplateResponse(request, "admin/playground/page.html", context)


@sensitive_post_parameters("system_prompt", "prompt", "extras")
@sensitive_variables()
@require_POST
@_for_operators
def call(request: HttpRequest) -> HttpResponse:
    """400 with the form's errors by field; else an event stream, in which a failed call is told too."""
    snapshot, problem = _snapshot(request)
    if snapshot is None:
        return JsonResponse({"errors": {"": [problem]}}, status=503)
    form = PlaygroundForm(request.POST, snapshot=snapshot)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    body = form.body()
    if not _reached(body["model"], snapshot, scope.of(request.user)):
        return JsonResponse({"errors": {"model": ["There is no such model or route."]}}, status=400)
    ask = Ask(
        body=body,
        caller=snapshot.callers.by_project[form.cleaned_data["project"]],
        user=request.user.get_username(),
    )
    shown = event("request", snippets.of(body, base_url=request.build_absolute_uri("/v1")))
    events = told(service.current(), ask, head=shown)
    # Django gathers the iterator of the other kind before it sends the first byte.
    answer = StreamingHttpResponse(pumped(events) if isinstance(request, ASGIRequest) else events)
    answer.headers["Content-Type"] = "text/event-stream; charset=utf-8"
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def _snapshot(request: HttpRequest) -> tuple[Snapshot | None, str]:
    """What live calls see at this moment, less the providers that the user may not change; or why there is nothing."""
    try:
        return _mine(service.current().holder.current, scope.of(request.user)), ""
    except GatewayError as error:
        return None, error.message


def _mine(snapshot: Snapshot, mine: Scope) -> Snapshot:
    if not mine.limited:
        return snapshot
    models = {key: model for key, model in snapshot.providers.models.items() if mine.changes(key[0])}
    routes = {name: route for name, route in snapshot.providers.routes.items() if mine.changes(*_providers_of(route))}
    return replace(snapshot, providers=replace(snapshot.providers, models=models, routes=routes))


def _reached(name: str, snapshot: Snapshot, mine: Scope) -> bool:
    """Who is limited names a route, or a model with its provider: a bare model id may be anybody's."""
    if not mine.limited or name in snapshot.providers.routes:
        return True
    provider, slash, _ = name.partition("/")
    return bool(slash) and mine.changes(provider)


def _providers_of(route: Route) -> set[str]:
    return {target.provider_id for target in (*route.targets, *route.fallbacks)}
