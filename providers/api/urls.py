"""Paths of the management API about providers, with and without a slash at the end."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from providers.api import views

_PROVIDER = r"providers/(?P<provider_id>[^/]+)"

router = SimpleRouter()
router.trailing_slash = "/?"  # the parameter of that name is only true or false
router.register("providers", views.ProviderViewSet, basename="provider")
router.register(rf"{_PROVIDER}/models", views.ModelViewSet, basename="provider-model")
router.register(rf"{_PROVIDER}/api-keys", views.KeyViewSet, basename="provider-key")
router.register(rf"{_PROVIDER}/connection-params", views.ParameterViewSet, basename="provider-parameter")
router.register("models", views.AllModelsViewSet, basename="model")
router.register("routes", views.RouteViewSet, basename="route")

urlpatterns = router.urls
