"""The revert page: shows the plan first, and carries it out by the plan's hash.

.../12/revert/                             undoes what revision 12 changed
.../12/revert/?objects=provider:openai     puts these objects back to what they were at revision 12
.../12/revert/?everything=1                puts everything back to revision 12
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin

from audit import admin_pages, history, revert, state
from audit.admin_reason import REQUIRED, reason_of
from audit.diff import Change
from audit.models import ChangeSet
from audit.plan import Plan
from audit.revert import PlanChanged, Target


@require_http_methods(["GET", "HEAD", "POST"])
def revert_page(request: HttpRequest, page: ModelAdmin, revision: int) -> HttpResponse:
    shown = admin_pages.context(page, request, revision=revision)
    if not request.user.has_perm(revert.RIGHT):
        raise PermissionDenied
    target = _target(request, revision)
    try:
        planned = target.plan()
    except ValidationError as error:
        raise Http404("; ".join(revert.lines(error))) from error
    _check(request.user, target, planned)
    if request.method != "POST":
        return _planned(request, target, planned, shown)
    if settings.REQUIRE_REASON and not reason_of(request):
        return _planned(request, target, planned, shown, problems=[REQUIRED], status=400)
    return _carry_out(request, target, shown)


def _target(request: HttpRequest, revision: int) -> Target:
    """404 for a revision that is none."""
    asked = request.GET.getlist("objects")
    everything = bool(request.GET.get("everything"))
    if not state.is_known(revision) or (not asked and not everything and revision == 0):
        raise Http404("There is no such revision.")
    if everything:
        return Target(to=revision)
    return Target(to=revision, objects=asked) if asked else Target(undo=revision)


def _carry_out(request: HttpRequest, target: Target, shown: dict[str, Any]) -> HttpResponse:
    try:
        with history.change_set(
            origin=ChangeSet.Origin.ADMIN.value,
            actor=request.user.get_username(),
            user=request.user,
            reason=reason_of(request) or target.reason,
        ) as draft:
            planned = revert.apply(
                target,
                plan_hash=request.POST.get("plan_hash", ""),
                draft=draft,
                check=lambda plan: _check(request.user, target, plan),
            )
    except PlanChanged:
        problem = "The configuration has changed since this plan was shown. Here is what would be done now."
        return _planned(request, target, target.plan(), shown, problems=[problem], status=412)
    except ValidationError as error:
        return _planned(request, target, target.plan(), shown, problems=revert.lines(error), status=400)
    if not planned.steps:
        messages.info(request, "There was nothing to put back.")
        return redirect("admin:audit_changeset_changelist")
    messages.success(request, f"{target.reason} It is revision {draft.revision}.")
    for name in planned.missing_secrets:
        messages.warning(request, f"The secret of then of {name} is stored nowhere: look at its state, enter it anew.")
    return redirect("admin:audit_changeset_change", draft.revision)


def _planned(
    request: HttpRequest,
    target: Target,
    planned: Plan,
    shown: dict[str, Any],
    *,
    problems: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    refused = revert.rehearse(planned)
    user = request.user
    shown |= {
        "title": _title(target),
        "plan": planned,
        "steps": [Change(step.object, step.entry.kind, step.action, step.fields) for step in planned.steps],
        "conflicts": [conflict for conflict in planned.conflicts if _sees(user, conflict.object)],
        "missing_secrets": [name for name in planned.missing_secrets if _sees(user, name)],
        "skipped": [name for name in planned.skipped if _sees(user, name)],
        "problems": [*problems, *(line for line in (revert.lines(refused) if refused else []) if line not in problems)],
        "may_apply": bool(planned.steps) and refused is None,
        "reason": reason_of(request),
    }
    return TemplateResponse(request, "admin/audit/revert.html", shown, status=status)


def _title(target: Target) -> str:
    if target.undo is not None:
        return f"Undo revision {target.undo}"
    if target.objects is None:
        return f"Put everything back to revision {target.to}"
    return f"Put {', '.join(target.objects)} back to revision {target.to}"


def _sees(user: Any, name: str) -> bool:
    entry = history.by_kind().get(name.partition(":")[0])
    return entry is not None and entry.visible(user, name)


def _check(user: Any, target: Target, planned: Plan) -> None:
    """PermissionDenied where the user may not do all of it: everything at once is a right of its own."""
    if (target.is_everything and not user.has_perm(revert.EVERYTHING)) or not revert.permitted(user, planned):
        raise PermissionDenied
