"""The control plane's pages and management API. Calls (/v1, /generate) never come here: see asgi.py."""

from django.apps import apps
from django.contrib import admin
from django.shortcuts import redirect
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from gateway_project import breakers_view, metrics_view, status_view
from gateway_project.docs import DocsAccess

admin.site.site_header = "LLM Gateway"
admin.site.site_title = "LLM Gateway"

handler404 = "gateway_project.docs.not_found"

urlpatterns = [
    path("", lambda request: redirect("admin:index")),
    path("admin/", include("gateway_project.admin_site.urls")),  # before the admin's own, which take every path
    path("admin/", admin.site.urls),
    re_path(r"^schema/?$", SpectacularAPIView.as_view(permission_classes=[DocsAccess]), name="schema"),
    re_path(
        r"^docs/?$", SpectacularSwaggerView.as_view(url_name="schema", permission_classes=[DocsAccess]), name="docs"
    ),
    re_path(r"^status/?$", status_view.StatusView.as_view(), name="status"),
    re_path(r"^breakers/reset/?$", breakers_view.BreakerReset.as_view(), name="breaker-reset"),
    re_path(r"^metrics/?$", metrics_view.view, name="metrics"),
    path("", include("providers.api.urls")),
    path("", include("access.api.urls")),
    path("", include("audit.api.urls")),
]
if apps.is_installed("mozilla_django_oidc"):
    urlpatterns.insert(1, path("sso/", include("mozilla_django_oidc.urls")))
