"""/providers and what is below, /models, /routes."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import scope
from providers import selectors, services, usage
from providers.api.listing import StrictListing
from providers.api.resource import ChildResource, Resource
from providers.api.serializers import (
    KeySerializer,
    ModelSerializer,
    ParameterSerializer,
    ProviderSerializer,
    RouteSerializer,
)
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route
from providers.parameters import canonical
from providers.services.key import without_echo

_NESTED = {
    "models": "providermodel",
    "api_key": "apikey",
    "api_keys": "apikey",
    "connection_params": "connectionparameter",
    "connection_parameters": "connectionparameter",
}


class ProviderViewSet(Resource):
    """Providers with their models, keys and parameters; one transaction a request."""

    queryset = selectors.providers()
    serializer_class = ProviderSerializer
    etag_children = ((ProviderModel, "provider_id"), (ApiKey, "provider_id"), (ConnectionParameter, "provider_id"))
    lookup_field = "provider_id"
    lookup_value_regex = "[^/]+"
    filter_fields = ("enabled", "provider_type")
    search_fields = ("provider_id", "display_name", "description")
    ordering_fields = ("provider_id", "display_name", "provider_type", "enabled", "created_at", "updated_at")

    def fields_of(self, request: Request, *, partial: bool) -> dict[str, Any]:
        fields = super().fields_of(request, partial=partial)
        for name in _NESTED.keys() & fields.keys():
            permissions = [f"providers.{verb}_{_NESTED[name]}" for verb in ("add", "change")]
            if fields[name] and not request.user.has_perms(permissions):
                raise PermissionDenied(f"You may not write {name}.")
        return fields

    def create_row(self, fields: dict[str, Any]) -> Model:
        return services.create_provider(**fields)

    def update_row(self, row: Provider, fields: dict[str, Any]) -> Model:
        return services.update_provider(provider=row, **fields)

    def delete_row(self, row: Provider) -> None:
        services.delete_provider(provider=row)


class ModelViewSet(ChildResource):
    """The models of a provider. A model id in the path may hold `/`, `:` and `.`."""

    queryset = ProviderModel.objects.none()
    serializer_class = ModelSerializer
    lookup_field = "model_id"
    lookup_value_regex = "[^?#]+?"
    filter_fields = ("enabled", "model_type")
    search_fields = ("model_id", "display_name")
    ordering_fields = ("model_id", "display_name", "model_type", "enabled", "priority", "created_at", "updated_at")

    def get_queryset(self) -> QuerySet[ProviderModel]:
        return selectors.models_of(self.kwargs.get("provider_id", ""))

    def create_row(self, fields: dict[str, Any]) -> Model:
        return services.create_model(provider=self.provider(), **fields)

    def update_row(self, row: ProviderModel, fields: dict[str, Any]) -> Model:
        return services.update_model(model=row, **fields)

    def delete_row(self, row: ProviderModel) -> None:
        services.delete_model(model=row)


class KeyViewSet(ChildResource):
    """The keys of a provider. A value goes in and never comes out; `key_value` or `reference` replaces it in place."""

    queryset = ApiKey.objects.none()
    serializer_class = KeySerializer
    lookup_field = "key_id"
    lookup_value_regex = "[^/]+"
    filter_fields = ("enabled", "environment")
    search_fields = ("key_id", "name", "last4", "fingerprint")
    ordering_fields = ("name", "environment", "weight", "enabled", "expires_at", "created_at", "updated_at")

    def get_queryset(self) -> QuerySet[ApiKey]:
        return selectors.keys_of(self.kwargs.get("provider_id", ""))

    def create_row(self, fields: dict[str, Any]) -> Model:
        if fields.pop("key_id", None):
            raise ValidationError({"key_id": ["The gateway gives it."]})
        return services.create_key(provider=self.provider(), **fields)

    def update_row(self, row: ApiKey, fields: dict[str, Any]) -> Model:
        return services.update_key(key=row, **without_echo(row, fields))

    def delete_row(self, row: ApiKey) -> None:
        services.delete_key(key=row)


class ParameterViewSet(ChildResource):
    """The connection parameters of a provider. One of several environments is named by `?environment=`."""

    queryset = ConnectionParameter.objects.none()
    serializer_class = ParameterSerializer
    lookup_field = "param_name"
    lookup_value_regex = "[^/]+"
    filter_fields = ("environment", "is_sensitive")
    search_fields = ("param_name",)
    ordering_fields = ("param_name", "environment", "created_at", "updated_at")

    def get_queryset(self) -> QuerySet[ConnectionParameter]:
        return selectors.parameters_of(self.kwargs.get("provider_id", ""))

    def get_object(self) -> ConnectionParameter:
        """The row of the environment that is named, else the one for every environment, else the only one."""
        rows = list(self.get_queryset().filter(param_name=canonical(self.kwargs["param_name"])))
        environment = self.request.query_params.get("environment")
        found = [row for row in rows if row.environment == (environment or "")]
        if not found and environment is None and len(rows) == 1:
            found = rows
        if not found:
            raise Http404
        self.check_object_permissions(self.request, found[0])
        return found[0]

    def create(self, request: Request, **path: str) -> Response:
        fields = self.fields_of(request, partial=False)
        with self.write(request):
            self.check_stored(request, fields)
            row, added = services.set_parameter(provider=self.provider(), **fields)
            if not added and not request.user.has_perm("providers.change_connectionparameter"):
                raise PermissionDenied  # and the change set is undone
        return self.answer(row, status.HTTP_201_CREATED if added else status.HTTP_200_OK)

    def check_stored(self, request: Request, fields: dict[str, Any]) -> None:
        """`If-Match` of a POST that changes what is stored."""
        named = {"param_name": canonical(fields["param_name"]), "environment": fields.get("environment", "")}
        for row in self.get_queryset().filter(**named):
            self.check_match(request, row)

    def update_row(self, row: ConnectionParameter, fields: dict[str, Any]) -> Model:
        return services.update_parameter(parameter=row, **fields)

    def delete_row(self, row: ConnectionParameter) -> None:
        services.delete_parameter(parameter=row)


class AllModelsViewSet(StrictListing, mixins.ListModelMixin, viewsets.GenericViewSet[ProviderModel]):
    """The models of all providers, as one list."""

    queryset = selectors.models()
    serializer_class = ModelSerializer
    filter_fields = ("enabled", "model_type", "provider_id")
    search_fields = ("model_id", "display_name", "provider__provider_id")
    ordering_fields = ("model_id", "provider_id", "display_name", "model_type", "enabled", "priority", "created_at")


class RouteViewSet(Resource):
    """Names for a choice of models."""

    queryset = selectors.routes()
    serializer_class = RouteSerializer
    lookup_field = "name"
    lookup_value_regex = "[^/]+"
    filter_fields = ("enabled", "strategy")
    search_fields = ("name", "description")
    ordering_fields = ("name", "strategy", "enabled", "created_at", "updated_at")

    def fields_of(self, request: Request, *, partial: bool) -> dict[str, Any]:
        fields = super().fields_of(request, partial=partial)
        named = usage.providers_of(Route(targets=fields.get("targets", []), fallbacks=fields.get("fallbacks", [])))
        if not scope.of(request.user).changes(*named):
            raise PermissionDenied("A route may name only providers that you may change.")
        return fields

    def create_row(self, fields: dict[str, Any]) -> Model:
        return services.create_route(**fields)

    def update_row(self, row: Route, fields: dict[str, Any]) -> Model:
        return services.update_route(route=row, **fields)

    def delete_row(self, row: Route) -> None:
        services.delete_route(route=row)
