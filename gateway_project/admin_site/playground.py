"""The playground's two doors: its page, and the call itself, told to the browser as server-sent events.

Whoever may change providers (operators, admins) may use it: a call from here costs the chosen project what any other
call costs it, and stands in the call table with the user's name and the tag `door: playground`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from gateway_project.admin_site import snippets
from gateway_project.admin_site.playground_call import Ask, event, told
from gateway_project.admin_site.playground_form import PlaygroundForm
from gateway_project.admin_site.pumped import pumped
from llm import service
from llm.errors import GatewayError
from llm.snapshot import Snapshot

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
    snapshot, problem = _snapshot()
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
    snapshot, problem = _snapshot()
    if snapshot is None:
        return JsonResponse({"errors": {"": [problem]}}, status=503)
    form = PlaygroundForm(request.POST, snapshot=snapshot)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    body = form.body()
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


def _snapshot() -> tuple[Snapshot | None, str]:
    """What live calls see at this moment, or why there is nothing to see."""
    try:
        return service.current().holder.current, ""
    except GatewayError as error:
        return None, error.message
