"""GET /providers/{id}/api-keys/{key_id}/usage: how much a key was used, by day."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import key_rollups
from audit.api.base import StrictFields
from providers import selectors
from providers.api.resource import ChildResource
from providers.models import ApiKey

DAYS: Final = 30


class UsageSpan(StrictFields):
    ignored_fields = frozenset()

    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class UsageDay(serializers.Serializer[Any]):
    day = serializers.DateField()
    requests = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_nano_usd = serializers.IntegerField()


class KeyUsage(serializers.Serializer[Any]):
    provider_id = serializers.CharField()
    key_id = serializers.CharField()
    since = serializers.DateField()
    until = serializers.DateField()
    days = UsageDay(many=True)


class KeyUsageViewSet(ChildResource):
    """Days (UTC) with calls, newest first; a call counts for the key of its last attempt. The last 30 days, where
    nothing else is said."""

    queryset = ApiKey.objects.none()
    serializer_class = UsageSpan
    lookup_field = "key_id"

    def get_queryset(self) -> QuerySet[ApiKey]:
        return selectors.keys_of(self.kwargs.get("provider_id", ""))

    @extend_schema(
        parameters=[
            OpenApiParameter("since", {"type": "string", "format": "date"}),
            OpenApiParameter("until", {"type": "string", "format": "date"}),
        ],
        responses={200: KeyUsage},
    )
    def retrieve(self, request: Request, **path: str) -> Response:
        key = self.get_object()
        asked = UsageSpan(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        until = asked.validated_data.get("until") or timezone.now().astimezone(UTC).date()
        since = asked.validated_data.get("since") or until - timedelta(days=min(DAYS - 1, until.toordinal() - 1))
        if since > until:
            raise ValidationError({"since": ["It must not lie after `until`."]})
        days = key_rollups.by_day(key.provider_id, key.key_id, since=since, until=until)
        told = {"provider_id": key.provider_id, "key_id": key.key_id, "since": since, "until": until, "days": days}
        return Response(KeyUsage(told).data)
