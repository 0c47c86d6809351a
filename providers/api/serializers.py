"""Bodies and answers of /providers, /models and /routes. Types only: what values may be, the services say."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.api.base import StrictFields
from providers import parameters_of_kinds, route_warnings, selectors, testing
from providers.api.fields import Flag, OptionalText, Text, Whole
from providers.models import ApiKey, ConnectionParameter, Provider, Route

PRICES = (
    "By day: valid_from (a day), input, output, cache_read, cache_write_5m, cache_write_1h, reasoning in nano-USD per "
    "million tokens; per_image, per_request in nano-USD; tiers [{from_tokens, input, output, ...}]."
)


class ModelSerializer(StrictFields):
    model_id = Text(max_length=255, trim_whitespace=False, help_text="Anything but control characters, ?, #, %, //.")
    provider_id = Text(max_length=63, required=False, help_text="As in the path.")
    display_name = Text(max_length=200, required=False, allow_blank=True)
    model_type = Text(
        max_length=20, required=False, help_text="chat, completion, embedding, rerank, image, audio, moderation"
    )
    context_window = Whole(required=False, allow_null=True, help_text="Tokens.")
    max_tokens = Whole(required=False, allow_null=True, help_text="Largest answer in tokens.")
    enabled = Flag(required=False)
    capabilities = serializers.ListField(child=Text(), required=False)
    parameters = serializers.DictField(required=False, help_text="Defaults for fields that a call leaves out.")
    priority = Whole(required=False, help_text="Lower goes first among providers of a model id.")
    weight = Whole(required=False, help_text="Share among equals in priority.")
    prices = serializers.ListField(child=serializers.DictField(), required=False, help_text=PRICES)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class KeySerializer(StrictFields):
    """A key. Its value goes in and never comes out."""

    key_id = Text(max_length=63, required=False, help_text="Given by the gateway; never changes.")
    provider_id = Text(max_length=63, required=False, help_text="As in the path.")
    name = Text(max_length=100, required=False)
    key_value = Text(write_only=True, required=False, allow_null=True, allow_blank=True, trim_whitespace=False)
    reference = OptionalText(required=False, allow_null=True, allow_blank=True, help_text="env:NAME or file:NAME")
    fingerprint = serializers.CharField(read_only=True)
    last4 = serializers.CharField(read_only=True)
    environment = Text(required=False, allow_blank=True, help_text="Empty: every environment.")
    weight = Whole(required=False)
    enabled = Flag(required=False)
    state = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    last_used_at = serializers.SerializerMethodField()
    is_encrypted = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_state(self, key: ApiKey) -> str:
        return str(selectors.key_state(key))

    def get_last_used_at(self, key: ApiKey) -> str | None:
        used = selectors.last_used_at(key)
        return used.isoformat() if used is not None else None

    def get_is_encrypted(self, key: ApiKey) -> bool:
        return True


class AnyJson(serializers.JSONField):
    """A parameter's value; null for a sensitive one."""

    def get_attribute(self, instance: ConnectionParameter) -> Any:
        return selectors.parameter_value(instance)


class ParameterSerializer(StrictFields):
    """A connection parameter. A sensitive value goes in and comes back as null."""

    param_name = Text(max_length=100)
    provider_id = Text(max_length=63, required=False, help_text="As in the path.")
    param_value = AnyJson(required=False, allow_null=True)
    is_sensitive = Flag(required=False)
    environment = Text(required=False, allow_blank=True, help_text="Empty: every environment.")
    fingerprint = serializers.CharField(read_only=True)
    state = serializers.SerializerMethodField()
    warnings = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_state(self, row: ConnectionParameter) -> str:
        return selectors.parameter_state(row)

    def get_warnings(self, row: ConnectionParameter) -> list[str]:
        return parameters_of_kinds.warnings(row.provider.provider_type, [row])


class PlainParameters(serializers.DictField):
    """The plain parameters that hold for every environment, as one object."""

    def get_attribute(self, instance: Provider) -> dict[str, Any]:
        return selectors.plain_parameters(instance)


class ProviderSerializer(StrictFields):
    provider_id = Text(max_length=63)
    display_name = Text(max_length=200, required=False)
    provider_type = Text(max_length=40)
    description = Text(required=False, allow_blank=True)
    enabled = Flag(required=False)
    connection_params = PlainParameters(child=serializers.JSONField(), required=False)
    connection_parameters = ParameterSerializer(many=True, required=False)
    request_settings = serializers.DictField(required=False)
    models = ModelSerializer(many=True, required=False)
    api_key = KeySerializer(write_only=True, required=False, allow_null=True)
    api_keys = KeySerializer(many=True, required=False)
    warnings = serializers.SerializerMethodField()
    last_test = serializers.SerializerMethodField(help_text="The newest result of POST .../test, or null.")
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_last_test(self, provider: Provider) -> dict[str, Any] | None:
        return testing.last(provider)

    def get_warnings(self, provider: Provider) -> list[str]:
        return parameters_of_kinds.warnings(provider.provider_type, provider.connection_parameters.all())


class RouteSerializer(StrictFields):
    name = Text(max_length=63)
    description = Text(required=False, allow_blank=True)
    enabled = Flag(required=False)
    strategy = Text(max_length=20, required=False, help_text=", ".join(Route.Strategy.values))
    targets = serializers.ListField(child=serializers.DictField(), help_text='[{"model": "openai/gpt-4o"}]')
    fallbacks = serializers.ListField(child=serializers.DictField(), required=False)
    policy = serializers.DictField(required=False, help_text="See docs/routes.md.")
    warnings = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_warnings(self, route: Route) -> list[str]:
        if not hasattr(self, "_models"):  # one query for a whole list
            self._models = route_warnings.models_of(self.parent.instance if self.parent else [route])
        return route_warnings.warnings(route, self._models)
