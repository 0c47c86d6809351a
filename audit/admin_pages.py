"""Pages of the history that are no list and no form: two configurations compared, an object's timeline, and the
configuration as it was. Each takes the admin of change sets, for its rights and its context."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from audit import admin_times, diff, history, objects, state
from audit.models import ChangeSet

ROWS_A_PAGE = 25


def context(page: ModelAdmin, request: HttpRequest, **shown: Any) -> dict[str, Any]:
    """What every page of the admin needs, and `shown`."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    return {**page.admin_site.each_context(request), "opts": page.opts, **shown}


@require_safe
def compare(request: HttpRequest, page: ModelAdmin) -> HttpResponse:
    """?from=&to=: revisions, or times; without them, what the newest revision changed."""
    newest = history.revision()
    asked = {
        "from": request.GET.get("from", "").strip() or str(max(newest - 1, 0)),
        "to": request.GET.get("to", "").strip() or str(newest),
    }
    found = {name: _revision(text) for name, text in asked.items()}
    problems = [
        f'"{asked[name]}" is no revision between 0 and {newest}, and no time such as 2031-05-17 12:00.'
        for name, number in found.items()
        if number is None
    ]
    shown = context(page, request, title="Compare two configurations", asked=asked, found=found, problems=problems)
    if not problems:
        before, after = (state.at(found[name], user=request.user) for name in ("from", "to"))
        shown["changes"] = diff.between_states(before, after)
    return TemplateResponse(request, "admin/audit/compare.html", shown, status=400 if problems else 200)


@require_safe
def timeline(request: HttpRequest, page: ModelAdmin) -> HttpResponse:
    """?name=provider:openai: every revision that changed the object, newest first; also of one that is gone."""
    name = request.GET.get("name", "").strip()
    shown = context(page, request, title=f"Timeline of {name}", name=name)
    entry = history.by_kind().get(name.partition(":")[0])
    if entry is None or not entry.visible(request.user, name):
        raise Http404("There is no object of that name.")
    sets = Paginator(ChangeSet.objects.filter(objects.named(name)), ROWS_A_PAGE)
    if not sets.count:
        raise Http404("There is no object of that name.")
    rows = sets.get_page(request.GET.get("page"))
    told = diff.changes_of([row.revision for row in rows], user=request.user)
    for row in rows:
        row.change = next((change for change in told[row.revision] if change.object == name), None)
    shown.update(rows=rows, exists=name in state.at(user=request.user), newest=history.revision())
    return TemplateResponse(request, "admin/audit/timeline.html", shown)


@require_safe
def config(request: HttpRequest, page: ModelAdmin, revision: int) -> HttpResponse:
    """The configuration as of a revision, as the file that import_config reads; ?download=1 gives the file itself."""
    shown = context(page, request, title=f"Configuration as of revision {revision}", revision=revision)
    if not state.is_known(revision):
        raise Http404("There is no such revision.")
    content = state.export(state.at(revision, user=request.user))
    if request.GET.get("download"):
        name = f"gateway_config.r{revision}.yaml"
        return HttpResponse(
            content,
            content_type="application/yaml",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    shown["content"] = content.decode()
    return TemplateResponse(request, "admin/audit/config.html", shown)


def _revision(text: str) -> int | None:
    if text.isdecimal():
        number = int(text)
        return number if state.is_known(number) else None
    moment = admin_times.parsed(text)
    return None if moment is None else state.revision_at(moment)
