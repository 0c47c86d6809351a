"""GET /routes/{name}/resolved and POST /routes/{name}/explain: what a route leads to now."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from audit import scope
from audit.api.base import StrictFields
from audit.api.permissions import ModelPermissions
from providers import selectors
from providers.models import Route
from providers.resolution import resolve


class CandidateSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    role = serializers.CharField(help_text="target or fallback")
    priority = serializers.IntegerField()
    weight = serializers.IntegerField()
    share = serializers.IntegerField(help_text="How often it is tried first among its equals, in percent.")
    keys = serializers.ListField(child=serializers.CharField(), help_text="Ids of the keys that it may be called with.")


class LeftOutSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    role = serializers.CharField(help_text="target or fallback")
    reason = serializers.CharField()


class ResolutionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    enabled = serializers.BooleanField()
    strategy = serializers.CharField()
    environment = serializers.CharField()
    candidates = CandidateSerializer(many=True)
    left_out = LeftOutSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())


class NothingToSay(StrictFields):
    """An empty body."""


class MayLook(ModelPermissions):
    """Explaining writes nothing: the right to see routes is enough."""

    perms_map = {**ModelPermissions.perms_map, "POST": ModelPermissions.perms_map["GET"]}


class ResolvedViewSet(viewsets.GenericViewSet[Route]):
    """Candidates in the order of a call, and why the rest is left out, in the environment of this process."""

    queryset = selectors.routes()
    serializer_class = ResolutionSerializer
    permission_classes = (MayLook,)

    @extend_schema(responses=ResolutionSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        route = get_object_or_404(scope.narrowed(self.get_queryset(), request.user), name=name)
        return Response(ResolutionSerializer(resolve(route)).data)

    @extend_schema(request=NothingToSay, responses={200: ResolutionSerializer})
    def explain(self, request: Request, name: str) -> Response:
        NothingToSay(data=request.data).is_valid(raise_exception=True)
        return self.retrieve(request, name)
