"""Routes: a name for a choice of models."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from providers import services
from providers.admin.badges import EnabledColumn
from providers.admin.base import ServiceAdmin, Writes
from providers.admin.forms import RouteForm
from providers.models import Route


@admin.register(Route)
class RouteAdmin(EnabledColumn, ServiceAdmin):
    writes = Writes(
        create=lambda parent, fields: services.create_route(**fields),
        update=lambda route, fields: services.update_route(route=route, **fields),
        delete=lambda route: services.delete_route(route=route),
    )
    form = RouteForm
    list_display = ("name", "strategy", "shown_targets", "shown_enabled")
    list_filter = ("strategy", "enabled")
    search_fields = ("name", "description")
    fieldsets = (
        (None, {"fields": (("name", "strategy"), "enabled", "description")}),
        ("Models", {"fields": ("targets", "fallbacks", "policy")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("name",)

    @display(description="Targets")
    def shown_targets(self, route: Route) -> str:
        return ", ".join(str(target.get("model")) for target in route.targets)
