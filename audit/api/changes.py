"""/audit/changes, /audit/changes/{revision} and /audit/diff: who changed what, when and why."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import diff, objects, state
from audit.api import moments
from audit.api.change_shapes import ChangeSerializer, ChangeSetSerializer
from audit.api.listing import StrictListing
from audit.models import ChangeSet


class ChangeSetFilters(django_filters.FilterSet):
    object = django_filters.CharFilter(method="of_object", help_text='An object\'s timeline: "provider:openai".')
    kind = django_filters.CharFilter(method="of_kind", help_text="provider, model, api_key, parameter, route, project")
    actor = django_filters.CharFilter()
    origin = django_filters.ChoiceFilter(choices=ChangeSet.Origin.choices)
    since = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    search = django_filters.CharFilter(method="find", help_text="In actor, reason, request id and names of objects.")

    class Meta:
        model = ChangeSet
        fields: tuple[str, ...] = ()

    def of_object(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(objects.named(value, user=self.request.user))

    def of_kind(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(objects.of_kind(value, user=self.request.user))

    def find(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        told = Q(actor__icontains=value) | Q(reason__icontains=value) | Q(request_id__icontains=value)
        return rows.filter(told | objects.mentioning(value, user=self.request.user))


class ChangeSetList(StrictListing, generics.GenericAPIView[ChangeSet]):
    """Newest first. A change set is told with those of its changes that the caller may see, and not without any."""

    queryset = ChangeSet.objects.all()
    serializer_class = ChangeSetSerializer
    filterset_class = ChangeSetFilters
    ordering_fields = ("revision", "created_at")

    @extend_schema(operation_id="audit_changes_list", responses=ChangeSetSerializer(many=True))
    def get(self, request: Request) -> Response:
        seen = self.get_queryset().filter(objects.visible_to(request.user))
        page = self.paginate_queryset(self.filter_queryset(seen)) or []
        told = diff.changes_of([row.revision for row in page], user=request.user)
        answer = ChangeSetSerializer(page, many=True, context={"changes": told})
        return self.get_paginated_response(answer.data)


class ChangeSetDetail(generics.GenericAPIView[ChangeSet]):
    """One revision: what it changed, field by field. It never changes itself."""

    queryset = ChangeSet.objects.all()
    serializer_class = ChangeSetSerializer

    @extend_schema(
        operation_id="audit_changes_retrieve", parameters=[OpenApiParameter("revision", int, OpenApiParameter.PATH)]
    )
    def get(self, request: Request, revision: str) -> Response:
        number = moments.known(moments.number("revision", revision))
        seen = self.get_queryset().filter(objects.visible_to(request.user))
        row = generics.get_object_or_404(seen, pk=number)
        answer = ChangeSetSerializer(row, context={"changes": diff.changes_of([number], user=request.user)})
        return Response(answer.data, headers={"ETag": f'"{number}"'})


class Difference(generics.GenericAPIView[ChangeSet]):
    """The whole configuration compared at two revisions, or at two times."""

    queryset = ChangeSet.objects.all()
    serializer_class = ChangeSerializer

    @extend_schema(
        operation_id="audit_diff",
        parameters=[
            OpenApiParameter("from", str, required=True, description="A revision, or a time."),
            OpenApiParameter("to", str, description="A revision, or a time; the newest where it is left out."),
        ],
        responses=inline_serializer(
            "ConfigurationDifference",
            {
                "from": serializers.IntegerField(),
                "to": serializers.IntegerField(),
                "changes": ChangeSerializer(many=True),
            },
        ),
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, {"from", "to"})
        given = request.query_params
        if not given.get("from"):
            raise ValidationError({"from": ["It is required: a revision, or a time."]})
        first = moments.revision("from", given["from"])
        last = moments.revision("to", given["to"]) if given.get("to") else state.newest()
        found = diff.between_states(state.at(first, user=request.user), state.at(last, user=request.user))
        return Response({"from": first, "to": last, "changes": ChangeSerializer(found, many=True).data})


def refuse_unknown(request: Request, known: set[str]) -> None:
    wrong = [name for name in request.query_params if name not in known]
    if wrong:
        raise ValidationError({name[:60]: ["There is no such parameter."] for name in wrong})
