"""The provider's page: all that belongs to it in one form and one change set."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from unfold.decorators import display

from providers import services
from providers.admin.badges import EnabledColumn
from providers.admin.base import ServiceAdmin, Writes
from providers.admin.children import KeyInline, ModelInline, ParameterInline
from providers.admin.forms import ProviderForm
from providers.models import Provider


@admin.register(Provider)
class ProviderAdmin(EnabledColumn, ServiceAdmin):
    writes = Writes(
        create=lambda parent, fields: services.create_provider(**fields),
        update=lambda provider, fields: services.update_provider(provider=provider, **fields),
        delete=lambda provider: services.delete_provider(provider=provider),
    )
    form = ProviderForm
    inlines = (KeyInline, ModelInline, ParameterInline)
    list_display = ("provider_id", "display_name", "provider_type", "shown_enabled", "enabled_models", "enabled_keys")
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
            .annotate(
                number_of_models=Count("models", filter=Q(models__enabled=True), distinct=True),
                number_of_keys=Count("api_keys", filter=Q(api_keys__enabled=True), distinct=True),
            )
        )

    @display(description="Models", ordering="number_of_models")
    def enabled_models(self, provider: Any) -> int:
        return int(provider.number_of_models)

    @display(description="Keys", ordering="number_of_keys")
    def enabled_keys(self, provider: Any) -> int:
        return int(provider.number_of_keys)
