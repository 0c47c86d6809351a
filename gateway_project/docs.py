"""The management API's own pages: who may read /schema and /docs, and what an unknown path answers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found
from rest_framework.permissions import BasePermission


class DocsAccess(BasePermission):
    """Everybody in development, users of the management API elsewhere."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return settings.GATEWAY_ENV == "development" or bool(request.user and request.user.is_authenticated)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page in the admin, JSON elsewhere."""
    if request.path.startswith("/admin/"):
        return page_not_found(request, exception)
    return JsonResponse({"detail": "There is no such path."}, status=404)
