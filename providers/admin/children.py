"""A provider's models, keys and parameters: inside its page, and on pages of their own with their history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import RelatedFieldListFilter
from django.http import HttpRequest

from audit import scope
from audit.errors import Duplicate
from providers import parameters_of_kinds, services
from providers.admin.badges import EnabledColumn, EnvironmentColumn, KeyColumns, ParameterColumns
from providers.admin.base import ServiceAdmin, ServiceStackedInline, ServiceTabularInline, Writes
from providers.admin.bulk import Switched
from providers.admin.forms import KeyForm, ModelForm, ParameterForm, ParameterRow
from providers.admin.key_rotation import RotatesKeys
from providers.admin.key_usage import UsedByDay
from providers.admin.told import TellsWarnings
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel

KEY_SHOWN = ("shown_state", "shown_last4", "shown_fingerprint", "shown_last_used")


def _of(parent: Provider | None, fields: dict[str, Any]) -> dict[str, Any]:
    """On a page of its own a child's form says which provider it belongs to."""
    return {"provider": parent, **fields} if parent is not None else fields


def _add_parameter(parent: Provider | None, fields: dict[str, Any]) -> ConnectionParameter:
    row, added = services.set_parameter(**_of(parent, fields))
    if not added:
        raise Duplicate({"param_name": ["The provider has this parameter in this environment already."]})
    return row


MODELS = Writes(
    create=lambda parent, fields: services.create_model(**_of(parent, fields)),
    update=lambda model, fields: services.update_model(model=model, **fields),
    delete=lambda model: services.delete_model(model=model),
)
KEYS = Writes(
    create=lambda parent, fields: services.create_key(**_of(parent, fields)),
    update=lambda key, fields: services.update_key(key=key, **fields),
    delete=lambda key: services.delete_key(key=key),
)
PARAMETERS = Writes(
    create=_add_parameter,
    update=lambda row, fields: services.update_parameter(parameter=row, **fields),
    delete=lambda row: services.delete_parameter(parameter=row),
)


class ParameterInline(ParameterColumns, ServiceTabularInline):
    model = ConnectionParameter
    writes = PARAMETERS
    save_order = 0
    form = ParameterRow
    verbose_name_plural = "Connection parameters: api_base, timeout_seconds, organization ..."
    fields = ("param_name", "environment", "plain_value", "is_sensitive", "secret_text", "shown_state")
    readonly_fields = ("shown_state",)
    show_change_link = True


class KeyInline(KeyColumns, ServiceStackedInline):
    model = ApiKey
    writes = KEYS
    save_order = 1  # after the parameters: a key is bound to the address that this page says
    form = KeyForm
    verbose_name = "Key"
    verbose_name_plural = "Keys"
    fields = (
        ("key_value", "reference"),
        ("name", "environment"),
        ("weight", "enabled"),
        "expires_at",
        KEY_SHOWN,
    )
    readonly_fields = KEY_SHOWN
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> Any:
        keys = super().get_queryset(request).select_related("provider", "state")
        return keys.prefetch_related("provider__connection_parameters", "provider__api_keys")


class ModelInline(ServiceTabularInline):
    model = ProviderModel
    writes = MODELS
    save_order = 2
    form = ModelForm
    verbose_name = "Model"
    verbose_name_plural = "Models"
    fields = ("model_id", "display_name", "model_type", "context_window", "max_tokens", "enabled")
    show_change_link = True
    per_page = 50  # Django takes 1,000 fields in one form; some providers have hundreds of models


class ChildAdmin(ServiceAdmin):
    """A child's provider is chosen when it is made, and stays."""

    natural = ("provider",)
    shown: tuple[str, ...] = ()
    made_of: tuple[str, ...]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.made_of if obj is None else (*self.made_of, *self.shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("provider", *self.shown)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "provider":
            kwargs["queryset"] = scope.narrowed_to_changed(Provider.objects.all(), request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ProviderFilter(RelatedFieldListFilter):
    """Offers the providers that the user may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        seen = scope.narrowed(Provider.objects.all(), request.user)
        return [(name, name) for name in seen.values_list("provider_id", flat=True)]


@admin.register(ProviderModel)
class ProviderModelAdmin(Switched, EnabledColumn, ChildAdmin):
    writes = MODELS
    form = ModelForm
    made_of = (
        "provider",
        "model_id",
        "display_name",
        "model_type",
        "context_window",
        "max_tokens",
        "enabled",
        "capabilities",
        "parameters",
        "priority",
        "weight",
        "prices",
    )
    list_display = (
        "model_id",
        "provider",
        "display_name",
        "model_type",
        "context_window",
        "max_tokens",
        "shown_enabled",
    )
    list_filter = (("provider", ProviderFilter), "model_type", "enabled")
    search_fields = ("model_id", "display_name", "provider__provider_id")


@admin.register(ApiKey)
class ApiKeyAdmin(Switched, RotatesKeys, UsedByDay, KeyColumns, EnvironmentColumn, ChildAdmin):
    writes = KEYS
    form = KeyForm
    made_of = ("provider", "name", "key_value", "reference", "environment", "weight", "enabled", "expires_at")
    shown = ("key_id", *KEY_SHOWN, "shown_usage", "created_at")
    list_display = (
        "name",
        "provider",
        "shown_environment",
        "shown_state",
        "shown_last4",
        "expires_at",
        "shown_last_used",
    )
    list_filter = (("provider", ProviderFilter), "environment", "enabled")
    search_fields = ("name", "key_id", "last4", "fingerprint", "provider__provider_id")

    def get_queryset(self, request: HttpRequest) -> Any:
        keys = super().get_queryset(request).select_related("provider", "state")
        return keys.prefetch_related("provider__connection_parameters", "provider__api_keys")


@admin.register(ConnectionParameter)
class ConnectionParameterAdmin(TellsWarnings, ParameterColumns, EnvironmentColumn, ChildAdmin):
    writes = PARAMETERS
    form = ParameterForm
    made_of = ("provider", "param_name", "environment", "plain_value", "is_sensitive", "secret_text")
    shown = ("shown_state", "created_at", "updated_at")
    list_display = ("param_name", "provider", "shown_environment", "shown_value", "shown_state")
    list_filter = (("provider", ProviderFilter), "environment", "is_sensitive")
    search_fields = ("param_name", "provider__provider_id")

    def warnings_of(self, row: ConnectionParameter) -> list[str]:
        return parameters_of_kinds.warnings(row.provider.provider_type, [row])

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("provider")
        return rows.prefetch_related("provider__connection_parameters")
