"""/calls and /calls/{call_id or request_id}: what became of every call."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import call_trace, calls, scope
from audit.api.call_trace import TraceStepSerializer
from audit.api.listing import StrictListing
from audit.models import Call


class CallSerializer(serializers.ModelSerializer[Call]):
    """Durations in milliseconds; `input_tokens` includes cached and cache-write tokens."""

    tags = serializers.DictField(child=serializers.CharField(), read_only=True)
    cost_nano_usd = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Null where the model had no price."
    )
    trace = serializers.SerializerMethodField(
        help_text="The decisions one by one, in the order of time: the plan, what was passed over, each attempt and "
        "each wait. Empty where none were kept."
    )

    class Meta:
        model = Call
        fields = (
            "call_id",
            "request_id",
            "project",
            "key",
            "end_user",
            "tags",
            "endpoint",
            "requested_model",
            "provider",
            "model",
            "provider_key",
            "route",
            "revision",
            "status",
            "http_status",
            "error_code",
            "attempts",
            "stream",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
            "usage_estimated",
            "cost_nano_usd",
            "latency_ms",
            "time_to_first_token_ms",
            "overhead_ms",
            "created_at",
            "trace",
        )
        read_only_fields = fields

    @extend_schema_field(TraceStepSerializer(many=True))
    def get_trace(self, call: Call) -> list[dict[str, Any]]:
        return call_trace.shown(call.trace, seen=scope.of(self.context["request"].user).seen)


class CallFilters(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=Call.Status.choices)
    since = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    search = django_filters.CharFilter(method="find", help_text="In ids, models, end users and error codes.")

    class Meta:
        model = Call
        fields = ("project", "key", "provider", "model", "route", "endpoint", "error_code", "request_id")

    def find(self, found: QuerySet[Call], name: str, text: str) -> QuerySet[Call]:
        places = ("request_id", "requested_model", "model", "end_user", "error_code")
        condition = Q()
        for place in places:
            condition |= Q(**{f"{place}__icontains": text})
        with suppress(ValueError):
            condition |= Q(call_id=uuid.UUID(text))
        return found.filter(condition)


class CallList(StrictListing, generics.ListAPIView[Call]):
    """All calls, newest first; failed and cancelled ones too. `since` is included, `until` is not."""

    queryset = Call.objects.all()
    serializer_class = CallSerializer
    filterset_class = CallFilters
    ordering_fields = ("created_at", "latency_ms", "time_to_first_token_ms", "input_tokens", "output_tokens")

    def get_queryset(self) -> QuerySet[Call]:
        return scope.narrowed(super().get_queryset(), self.request.user)


class CallDetail(generics.GenericAPIView[Call]):
    """One call by its call id, or the newest one with that request id (a caller's label, not unique)."""

    queryset = Call.objects.all()
    serializer_class = CallSerializer

    @extend_schema(parameters=[OpenApiParameter("name", str, "path", description="call_id or request_id")])
    def get(self, request: Request, name: str) -> Response:
        call = scope.narrowed(calls.named(name), request.user).first()
        if call is None:
            raise Http404
        return Response(self.get_serializer(call).data)
