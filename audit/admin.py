"""Admin pages of calls and change sets: both are records, so both are read only."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from audit import admin_trace, call_trace, scope
from audit.admin_changes import ChangeSetAdmin
from audit.admin_health import HealthEventAdmin, IncidentAdmin
from audit.admin_records import ReadOnlyAdmin
from audit.models import Call

__all__ = ["CallAdmin", "ChangeSetAdmin", "HealthEventAdmin", "IncidentAdmin"]

COLOURS = {"succeeded": "success", "failed": "danger", "cancelled": "warning"}


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    list_display = (
        "when",
        "outcome",
        "project",
        "model_asked_for",
        "served_by",
        "tokens",
        "latency",
    )
    # A date hierarchy would read all dates of the table; the range of created_at uses its index.
    list_filter = (
        "status",
        ("created_at", RangeDateTimeFilter),
        ("project", FieldTextFilter),
        ("provider", FieldTextFilter),
        ("model", FieldTextFilter),
        ("error_code", FieldTextFilter),
    )
    change_form_before_template = "admin/audit/trace.html"
    search_fields = ("request_id",)
    search_help_text = "A call id, or the beginning of a request id"
    ordering = ("-created_at", "-call_id")
    fieldsets = (
        (None, {"fields": ("call_id", "request_id", "created_at", "status_badge", "http_status", "error_code")}),
        ("Caller", {"fields": ("project", "key", "end_user", "tags")}),
        (
            "Way",
            {
                "fields": (
                    "endpoint",
                    "requested_model",
                    "route",
                    "provider",
                    "provider_key",
                    "model",
                    "attempts",
                    "stream",
                )
            },
        ),
        ("Configuration", {"fields": ("revision",)}),
        (
            "Tokens",
            {
                "fields": (
                    "input_tokens",
                    "output_tokens",
                    "cached_tokens",
                    "cache_write_tokens",
                    "reasoning_tokens",
                    "usage_estimated",
                    "cost_nano_usd",
                )
            },
        ),
        ("Time (ms)", {"fields": ("latency_ms", "time_to_first_token_ms", "overhead_ms")}),
    )

    @display(description="Status", ordering="status", label=COLOURS)
    def status_badge(self, call: Call) -> str:
        return call.status

    @display(description="When (UTC)", ordering="created_at")
    def when(self, call: Call) -> str:
        return f"{call.created_at:%Y-%m-%d %H:%M:%S}"

    @display(description="Outcome", ordering="http_status", label=COLOURS)
    def outcome(self, call: Call) -> tuple[str, str]:
        good = call.status == Call.Status.SUCCEEDED
        return call.status, "succeeded" if good else f"{call.status} {call.http_status}"

    @display(description="Model")
    def model_asked_for(self, call: Call) -> str:
        return call.requested_model

    @display(description="Served by")
    def served_by(self, call: Call) -> str:
        return f"{call.provider}/{call.model}" if call.provider else ""

    @display(description="Tokens")
    def tokens(self, call: Call) -> str:
        return f"{call.input_tokens} / {call.output_tokens}"

    @display(description="Latency", ordering="latency_ms")
    def latency(self, call: Call) -> str:
        return f"{call.latency_ms:,.0f} ms"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        call: Call = kwargs["obj"]
        steps = call_trace.shown(call.trace, seen=scope.of(request.user).seen)
        context["picture"] = admin_trace.of(steps, latency_ms=call.latency_ms)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        condition = Q(request_id__startswith=text)
        with suppress(ValueError):
            condition |= Q(call_id=uuid.UUID(text))
        return queryset.filter(condition), False
