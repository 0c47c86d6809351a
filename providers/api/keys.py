"""POST /providers/{id}/api-keys/{key_id}/rotate, GET .../usage."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.base import StrictFields
from audit.api.permissions import ModelPermissions
from providers import selectors, services
from providers.api.fields import OptionalText, Text
from providers.api.resource import ChildResource
from providers.api.serializers import KeySerializer
from providers.models import ApiKey


class MayRotate(ModelPermissions):
    """It makes a key and changes one."""

    perms_map = {
        **ModelPermissions.perms_map,
        "POST": ["%(app_label)s.add_%(model_name)s", "%(app_label)s.change_%(model_name)s"],
    }


class Hours(serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        try:
            return float(data)
        except OverflowError:
            self.fail("invalid")


class RotateBody(StrictFields):
    key_value = Text(required=False, allow_null=True, allow_blank=True, trim_whitespace=False)
    reference = OptionalText(required=False, allow_null=True, allow_blank=True, help_text="env:NAME or file:NAME")
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Of the new key.")
    grace_hours = Hours(required=False, help_text="How long the old key stays as fallback; 24 where it is left out.")


class RotatedKey(KeySerializer):
    """The new key, and the old one as `previous`."""

    previous = KeySerializer(read_only=True)


class RotateViewSet(ChildResource):
    """The new value serves first; the old one stays as its fallback until the grace time is over."""

    permission_classes = (MayRotate,)
    queryset = ApiKey.objects.none()
    serializer_class = RotateBody
    lookup_field = "key_id"

    def get_queryset(self) -> QuerySet[ApiKey]:
        return selectors.keys_of(self.kwargs.get("provider_id", ""))

    @extend_schema(request=RotateBody, responses={201: RotatedKey})
    def create(self, request: Request, **path: str) -> Response:
        key = self.get_object()
        fields = self.fields_of(request, partial=False)
        with self.write(request):
            self.check_match(request, key)
            new, old = services.rotate_key(key=key, **fields)
        etag = self.etag_of(new)
        stored = self.get_queryset().get(pk=new.pk)
        stored.previous = self.get_queryset().get(pk=old.pk)
        return Response(RotatedKey(stored).data, status=status.HTTP_201_CREATED, headers={"ETag": etag})
