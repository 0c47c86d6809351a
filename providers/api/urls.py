"""Paths of the management API about providers, with and without a slash at the end."""

from __future__ import annotations

from django.urls import re_path
from rest_framework.routers import SimpleRouter

from providers.api import config, discovery, key_usage, keys, prices, resolution, testing, views

_PROVIDER = r"providers/(?P<provider_id>[^/]+)"

router = SimpleRouter()
router.trailing_slash = "/?"  # the parameter of that name is only true or false
router.register("providers", views.ProviderViewSet, basename="provider")
router.register(rf"{_PROVIDER}/models", views.ModelViewSet, basename="provider-model")
router.register(rf"{_PROVIDER}/api-keys", views.KeyViewSet, basename="provider-key")
router.register(rf"{_PROVIDER}/connection-params", views.ParameterViewSet, basename="provider-parameter")
router.register("models", views.AllModelsViewSet, basename="model")
router.register("routes", views.RouteViewSet, basename="route")

_KEY = rf"{_PROVIDER}/api-keys/(?P<key_id>[^/]+)"
_POST = {"post": "create"}

_ROUTE = r"routes/(?P<name>[^/\x00]+)"

# What is done to a provider, a key or a route, beside the objects.
_actions = [
    re_path(rf"^{_KEY}/rotate/?$", keys.RotateViewSet.as_view(_POST), name="provider-key-rotate"),
    re_path(rf"^{_KEY}/usage/?$", key_usage.KeyUsageViewSet.as_view({"get": "retrieve"}), name="provider-key-usage"),
    re_path(rf"^{_PROVIDER}/test/?$", testing.TestViewSet.as_view(_POST), name="provider-test"),
    re_path(rf"^{_PROVIDER}/discover/?$", discovery.DiscoverViewSet.as_view(_POST), name="provider-discover"),
    re_path(rf"^{_PROVIDER}/sync/?$", config.SyncView.as_view(), name="provider-sync"),
    re_path(r"^config/export/?$", config.ExportView.as_view(), name="config-export"),
    re_path(r"^config/import/?$", config.ImportView.as_view(), name="config-import"),
    re_path(r"^config/schema/?$", config.SchemaView.as_view(), name="config-schema"),
    re_path(rf"^{_ROUTE}/resolved/?$", resolution.ResolvedViewSet.as_view({"get": "retrieve"}), name="route-resolved"),
    re_path(rf"^{_ROUTE}/explain/?$", resolution.ResolvedViewSet.as_view({"post": "explain"}), name="route-explain"),
    re_path(r"^prices/proposals/?$", prices.ProposalViewSet.as_view({"get": "list"}), name="price-proposals"),
    re_path(r"^prices/refresh/?$", prices.ProposalViewSet.as_view({"post": "refresh"}), name="price-refresh"),
    re_path(r"^prices/accept/?$", prices.ProposalViewSet.as_view({"post": "accept"}), name="price-accept"),
    re_path(r"^prices/dismiss/?$", prices.ProposalViewSet.as_view({"post": "dismiss"}), name="price-dismiss"),
]

urlpatterns = [*_actions, *router.urls]
