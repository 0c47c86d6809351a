"""The pages of change sets: the feed with its filters, and a revision with what it changed and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter, FieldTextFilter, RangeDateTimeFilter, TextFilter
from unfold.decorators import display

from audit import admin_effect, admin_pages, admin_revert, admin_times, diff, history, objects, scope
from audit.admin_records import ReadOnlyAdmin
from audit.models import ChangeSet

SIGNS = {"create": "+", "update": "~", "delete": "−"}
MOST_TOLD = 3


class ObjectFilter(TextFilter):
    title = "object"
    parameter_name = "object"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = (self.value() or "").strip()
        return queryset.filter(objects.named(name)) if name else queryset


class KindFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind.replace("_", " ")) for kind in sorted(history.by_kind())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(objects.of_kind(self.value())) if self.value() else queryset


class Feed(ChangeList):
    """Reads what the page's revisions changed in a few queries for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        told = diff.changes_of([row.revision for row in self.result_list], user=request.user)
        for row in self.result_list:
            row.told = told[row.revision]


@admin.register(ChangeSet)
class ChangeSetAdmin(ReadOnlyAdmin):
    list_display = ("revision", "when", "who", "origin_badge", "what", "reason")
    list_filter = (
        ObjectFilter,
        KindFilter,
        ("actor", FieldTextFilter),
        "origin",
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("reason",)  # that there is a field to search in; get_search_results says where
    search_help_text = "A revision, or words of a reason, an actor, a request id or an object's name"
    list_before_template = "admin/audit/feed_tools.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "revision",
                    "created_at",
                    "who",
                    "origin_badge",
                    "reason",
                    "request_id",
                    "address",
                    "user_agent",
                    "reverts",
                )
            },
        ),
    )
    change_form_before_template = "admin/audit/revision_tools.html"
    change_form_after_template = "admin/audit/changes.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Feed

    @display(description="When", ordering="created_at")
    def when(self, change_set: ChangeSet) -> SafeString:
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            change_set.created_at.isoformat(),
            f"{timezone.localtime(change_set.created_at):%Y-%m-%d %H:%M:%S %Z}",
            admin_times.ago(change_set.created_at, timezone.now()),
        )

    @display(description="Who", ordering="actor")
    def who(self, change_set: ChangeSet) -> str:
        return change_set.actor or "system"

    @display(description="IP address")
    def address(self, change_set: ChangeSet) -> str | None:
        return change_set.ip

    @display(description="Origin", ordering="origin", label=True)
    def origin_badge(self, change_set: ChangeSet) -> str:
        return change_set.get_origin_display()

    @display(description="What")
    def what(self, change_set: ChangeSet) -> SafeString:
        changes: list[diff.Change] = getattr(change_set, "told", [])
        rest = len(changes) - MOST_TOLD
        told = format_html_join("", '<span class="gw-told">{} {}</span>', _signs(changes[:MOST_TOLD]))
        return format_html("{}{}", told, f"and {rest} more" if rest > 0 else "")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        found = Q(reason__icontains=text) | Q(actor__icontains=text) | Q(request_id__icontains=text)
        if text.isdecimal() and int(text) <= diff.LARGEST:
            found |= Q(revision=int(text))
        return queryset.filter(found | objects.mentioning(text)), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        change_set = self.get_object(request, object_id)
        shown = _of_revision(change_set, request) if change_set is not None else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("compare/", "compare", admin_pages.compare),
            ("object/", "timeline", admin_pages.timeline),
            ("<int:revision>/config/", "config", admin_pages.config),
            ("<int:revision>/revert/", "revert", admin_revert.revert_page),
        )
        own = [
            path(
                address,
                self.admin_site.admin_view(partial(view, page=self)),
                name=f"audit_changeset_{name}",
            )
            for address, name, view in pages
        ]
        return [*own, *super().get_urls()]


def _signs(changes: Iterable[diff.Change]) -> list[tuple[str, str]]:
    return [(SIGNS[change.action], change.object) for change in changes]


def _of_revision(change_set: ChangeSet, request: HttpRequest) -> dict[str, Any]:
    seen = scope.of(request.user).seen
    may_see_calls = request.user.has_perm("audit.view_call")
    return {
        "title": f"Revision {change_set.revision}",
        "changes": diff.changes(change_set.revision, user=request.user),
        "effect": admin_effect.of(change_set, now=timezone.now(), providers=seen) if may_see_calls else None,
        "newest": history.revision(),
        "previous": change_set.revision - 1,
    }
