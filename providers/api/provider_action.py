"""POST /providers/{id}/<something to do>, which is no object of its own."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from audit.api.permissions import ModelPermissions
from providers.api.resource import ChildResource
from providers.models import Provider


class MayChangeProvider(ModelPermissions):
    """Who may change a provider may also have it called."""

    perms_map = {**ModelPermissions.perms_map, "POST": ["%(app_label)s.change_%(model_name)s"]}


class ProviderAction(ChildResource):
    """`create` does it."""

    permission_classes = (MayChangeProvider,)
    queryset = Provider.objects.none()

    def get_queryset(self) -> QuerySet[Provider]:
        return Provider.objects.all()

    def asked(self, request: Request) -> tuple[Provider, dict[str, Any]]:
        """The provider, if this user may change it, and the fields of the body."""
        provider = self.provider()
        self.check_object_permissions(request, provider)
        return provider, self.fields_of(request, partial=False)
