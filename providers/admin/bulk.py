"""Enabling and disabling several rows at once: one change set. What would be affected is named before."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from audit import scope
from providers.admin.affected import affected


class Switched:
    """For a ServiceAdmin whose rows have `enabled`."""

    actions = ("enable_selected", "disable_selected")

    @admin.action(description="Enable the selected", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._switch(request, queryset, True)

    @admin.action(description="Disable the selected", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: Any, enabled: bool) -> HttpResponse | None:
        rows = list(scope.narrowed_to_changed(queryset, request.user).exclude(enabled=enabled))
        if rows and request.POST.get("post") != "yes":
            return self._asked_first(request, rows, enabled)
        for row in rows:
            self.writes.update(row, {"enabled": enabled})
        self.message_user(request, f"{len(rows)} {'enabled' if enabled else 'disabled'}.", messages.SUCCESS)
        return None

    def _asked_first(self, request: HttpRequest, rows: list[Any], enabled: bool) -> HttpResponse:
        verb = "enable" if enabled else "disable"
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb.capitalize()} {len(rows)} {self.opts.verbose_name_plural}?",
            "opts": self.opts,
            "rows": rows,
            "verb": verb,
            "action": f"{verb}_selected",
            "checkbox": ACTION_CHECKBOX_NAME,
            "affected": [] if enabled else affected(rows),
        }
        return TemplateResponse(request, "admin/providers/switch.html", context)
