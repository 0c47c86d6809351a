"""Routes: a name for a choice of models."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.decorators import display

from audit import scope
from providers import route_warnings, services, usage
from providers.admin.badges import EnabledColumn
from providers.admin.base import MAIN_FORM, Refused, ServiceAdmin, Writes
from providers.admin.bulk import Switched
from providers.admin.route_form import RouteForm
from providers.admin.route_panel import panel
from providers.admin.told import TellsWarnings
from providers.models import Route


@admin.register(Route)
class RouteAdmin(Switched, TellsWarnings, EnabledColumn, ServiceAdmin):
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
        (None, {"fields": (("name", "enabled"), "description")}),
        ("Models", {"fields": ("strategy", "targets", "fallbacks", "policy")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else [*fieldsets, ("What a call would do now", {"fields": ["call_now"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("name", "call_now")

    def warnings_of(self, row: Route) -> list[str]:
        return route_warnings.warnings(row, route_warnings.models_of([row]))

    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        if not scope.of(request.user).changes(*usage.providers_of(obj)):
            error = ValidationError({"targets": ["A route may name only providers that you may change."]})
            raise Refused(MAIN_FORM, error)
        super().save_model(request, obj, form, change)

    @display(description="Candidates, in the order of a call")
    def call_now(self, route: Route) -> str:
        return panel(route)

    @display(description="Targets")
    def shown_targets(self, route: Route) -> str:
        return ", ".join(str(target.get("model")) for target in route.targets)
