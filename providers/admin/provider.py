"""The provider's page: all that belongs to it in one form and one change set."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from unfold.decorators import display

from providers import parameters_of_kinds, services
from providers.admin.badges import EnabledColumn
from providers.admin.base import ServiceAdmin, Writes
from providers.admin.bulk import Switched
from providers.admin.children import KeyInline, ModelInline, ParameterInline
from providers.admin.connection import ConnectionPages
from providers.admin.forms import ProviderForm
from providers.admin.told import TellsWarnings
from providers.models import Provider


@admin.register(Provider)
class ProviderAdmin(Switched, TellsWarnings, ConnectionPages, EnabledColumn, ServiceAdmin):
    writes = Writes(
        create=lambda parent, fields: services.create_provider(**fields),
        update=lambda provider, fields: services.update_provider(provider=provider, **fields),
        delete=lambda provider: services.delete_provider(provider=provider),
    )
    form = ProviderForm
    actions = (*Switched.actions, *ConnectionPages.actions)
    inlines = (KeyInline, ModelInline, ParameterInline)
    list_display = (
        "provider_id",
        "display_name",
        "provider_type",
        "shown_enabled",
        "enabled_models",
        "enabled_keys",
        "shown_last_test",
    )
    list_filter = ("provider_type", "enabled")
    search_fields = ("provider_id", "display_name", "description")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("provider_id", "provider_type"),
                    ("display_name", "enabled"),
                    "description",
                    "request_settings",
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("provider_id",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related("state")
            .annotate(
                number_of_models=Count("models", filter=Q(models__enabled=True), distinct=True),
                number_of_keys=Count("api_keys", filter=Q(api_keys__enabled=True), distinct=True),
            )
        )

    def warnings_of(self, row: Provider) -> list[str]:
        return parameters_of_kinds.warnings(row.provider_type, row.connection_parameters.all())

    @display(description="Models", ordering="number_of_models")
    def enabled_models(self, provider: Any) -> int:
        return int(provider.number_of_models)

    @display(description="Keys", ordering="number_of_keys")
    def enabled_keys(self, provider: Any) -> int:
        return int(provider.number_of_keys)
