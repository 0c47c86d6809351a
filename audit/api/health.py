"""/health-events, /incidents and /breakers: what happened to providers, models and keys, and how they stand now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import health_state, incidents, scope
from audit.api.listing import StrictListing
from audit.health_models import HealthEvent, HealthState, Incident, Subject

LARGEST = 2**63 - 1


class HealthEventSerializer(serializers.ModelSerializer[HealthEvent]):
    incident = serializers.IntegerField(source="incident_id", read_only=True, allow_null=True)

    class Meta:
        model = HealthEvent
        fields = (
            "event_id",
            "at",
            "kind",
            "name",
            "old",
            "new",
            "category",
            "cause",
            "until",
            "failures",
            "incident",
        )
        read_only_fields = fields


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    open = serializers.SerializerMethodField()
    closed_by = serializers.ChoiceField(choices=Subject.Cause.choices, allow_blank=True, read_only=True)
    seconds = serializers.SerializerMethodField(help_text="How long it lasted, or lasts by now.")

    class Meta:
        model = Incident
        fields = (
            "id",
            "kind",
            "name",
            "category",
            "open",
            "opened_at",
            "opened_by",
            "closed_at",
            "closed_by",
            "seconds",
            "events",
        )
        read_only_fields = fields

    def get_open(self, incident: Incident) -> bool:
        return incident.closed_at is None

    def get_seconds(self, incident: Incident) -> float:
        return round(incidents.seconds(incident, now=timezone.now()), 3)


class IncidentDetailSerializer(IncidentSerializer):
    told = HealthEventSerializer(many=True, read_only=True, help_text="Its events, newest first; at most 1,000.")

    class Meta(IncidentSerializer.Meta):
        fields = (*IncidentSerializer.Meta.fields, "told")
        read_only_fields = fields


class BreakerSerializer(serializers.ModelSerializer[HealthState]):
    class Meta:
        model = HealthState
        fields = ("kind", "name", "state", "category", "since", "until", "failures", "cause")
        read_only_fields = fields


class HealthEventFilters(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(field_name="new", choices=Subject.State.choices, help_text="The new state.")
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = HealthEvent
        fields = ("kind", "name", "provider", "category", "cause")


class IncidentFilters(django_filters.FilterSet):
    open = django_filters.BooleanFilter(field_name="closed_at", lookup_expr="isnull")
    since = django_filters.IsoDateTimeFilter(method="ends_after", help_text="Those that were open at or after it.")
    until = django_filters.IsoDateTimeFilter(field_name="opened_at", lookup_expr="lt", help_text="Opened before it.")

    class Meta:
        model = Incident
        fields = ("kind", "name", "provider", "category")

    def ends_after(self, found: QuerySet[Incident], name: str, moment: datetime) -> QuerySet[Incident]:
        return found.filter(Q(closed_at=None) | Q(closed_at__gte=moment))


class BreakerFilters(django_filters.FilterSet):
    class Meta:
        model = HealthState
        fields = ("kind", "name", "provider", "state", "category")


class HealthEventList(StrictListing, generics.ListAPIView[HealthEvent]):
    """Every change of state, newest first. `since` is included, `until` is not."""

    queryset = HealthEvent.objects.all()
    serializer_class = HealthEventSerializer
    filterset_class = HealthEventFilters
    ordering_fields = ("at",)

    def get_queryset(self) -> QuerySet[HealthEvent]:
        return scope.narrowed(super().get_queryset(), self.request.user)


class IncidentList(StrictListing, generics.ListAPIView[Incident]):
    """From the moment at which a provider, a model or a key was no longer called until it was again; newest first."""

    queryset = Incident.objects.all()
    serializer_class = IncidentSerializer
    filterset_class = IncidentFilters
    ordering_fields = ("opened_at", "closed_at")

    def get_queryset(self) -> QuerySet[Incident]:
        return scope.narrowed(super().get_queryset(), self.request.user)


class IncidentDetail(generics.GenericAPIView[Incident]):
    """One incident with its events."""

    queryset = Incident.objects.all()
    serializer_class = IncidentDetailSerializer

    @extend_schema(parameters=[OpenApiParameter("id", int, OpenApiParameter.PATH)])
    def get(self, request: Request, id: str) -> Response:
        number = min(int(id), LARGEST)
        incident = generics.get_object_or_404(scope.narrowed(self.get_queryset(), request.user), pk=number)
        newest: list[Any] = list(incident.told.all()[:1000])
        answer = {**IncidentSerializer(incident).data, "told": HealthEventSerializer(newest, many=True).data}
        return Response(answer)


class BreakerList(StrictListing, generics.ListAPIView[HealthState]):
    """What is not called as usual now: open, half-open (one call tries it) or cooling down."""

    queryset = HealthState.objects.all()
    serializer_class = BreakerSerializer
    filterset_class = BreakerFilters
    ordering_fields = ("since", "name")

    def get_queryset(self) -> QuerySet[HealthState]:
        return scope.narrowed(health_state.current(now=timezone.now()), self.request.user)
