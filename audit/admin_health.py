"""Admin pages of incidents and of changes of health: records, so read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from audit import incidents
from audit.admin_records import ReadOnlyAdmin
from audit.health_models import HealthEvent, Incident
from audit.spans import span

COLOURS = {"closed": "success", "open": "danger", "half_open": "warning", "cooling": "warning"}
WORDS = {"half_open": "half-open"}


class HealthEventInline(TabularInline):
    model = HealthEvent
    fields = ("when", "became", "category", "cause", "until", "failures")
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True
    per_page = 50
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="When (UTC)")
    def when(self, event: HealthEvent) -> str:
        return f"{event.at:%Y-%m-%d %H:%M:%S}"

    @display(description="State")
    def became(self, event: HealthEvent) -> str:
        return WORDS.get(event.new, event.new)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("opened", "subject", "kind", "category", "opened_by", "how_long", "closed", "closed_by")
    list_filter = (
        ("closed_at", admin.EmptyFieldListFilter),
        "kind",
        "category",
        ("opened_at", RangeDateTimeFilter),
        ("provider", FieldTextFilter),
    )
    search_fields = ("name",)
    search_help_text = "A provider, provider/model or provider/key id"
    ordering = ("-opened_at", "-id")
    fields = ("kind", "name", "category", "opened", "opened_by", "ended", "closed_by", "how_long", "events")
    readonly_fields = ("opened", "ended", "how_long")
    inlines = (HealthEventInline,)

    @display(description="Opened (UTC)", ordering="opened_at")
    def opened(self, incident: Incident) -> str:
        return f"{incident.opened_at:%Y-%m-%d %H:%M:%S}"

    @display(description="Subject", ordering="name")
    def subject(self, incident: Incident) -> str:
        return incident.name

    @display(description="Duration")
    def how_long(self, incident: Incident) -> str:
        return span(incidents.seconds(incident, now=timezone.now()))

    @display(description="Closed (UTC)", ordering="closed_at", label={"open": "danger", "closed": "success"})
    def closed(self, incident: Incident) -> tuple[str, str]:
        return ("open" if incident.closed_at is None else "closed"), self.ended(incident)

    @display(description="Closed (UTC)")
    def ended(self, incident: Incident) -> str:
        return "open" if incident.closed_at is None else f"{incident.closed_at:%Y-%m-%d %H:%M:%S}"


@admin.register(HealthEvent)
class HealthEventAdmin(ReadOnlyAdmin):
    list_display = ("when", "subject", "kind", "became", "category", "cause", "failures")
    list_filter = (
        "new",
        "kind",
        "category",
        "cause",
        ("at", RangeDateTimeFilter),
        ("provider", FieldTextFilter),
    )
    search_fields = ("name",)
    search_help_text = "A provider, provider/model or provider/key id"
    ordering = ("-at", "-event_id")

    @display(description="When (UTC)", ordering="at")
    def when(self, event: HealthEvent) -> str:
        return f"{event.at:%Y-%m-%d %H:%M:%S}"

    @display(description="Subject", ordering="name")
    def subject(self, event: HealthEvent) -> str:
        return event.name

    @display(description="State", ordering="new", label=COLOURS)
    def became(self, event: HealthEvent) -> tuple[str, str]:
        return event.new, WORDS.get(event.new, event.new)
