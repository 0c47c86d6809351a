"""GET /routes/{name}/resolved, what a route leads to now; POST /routes/{name}/explain, what a call of it would do."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from audit import scope
from audit.api.base import StrictFields
from audit.api.permissions import ModelPermissions
from providers import call_plan, selectors
from providers.api.fields import Text
from providers.call_plan import Question
from providers.models import Route
from providers.resolution import explain, resolve

LONGEST_SESSION = 256


class CandidateSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    role = serializers.CharField(help_text="target or fallback")
    priority = serializers.IntegerField()
    weight = serializers.IntegerField()
    share = serializers.IntegerField(
        allow_null=True,
        help_text="How often it is tried first among its equals, in percent; null: speed or load decide.",
    )
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


class PlannedSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    key = serializers.CharField(help_text="A key's id; empty where none is needed.")
    role = serializers.CharField(help_text="target or fallback")
    cooling_until = serializers.DateTimeField(allow_null=True, help_text="Not asked before.")


class PassedOverSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    key = serializers.CharField(help_text="A key's id; empty where all of the model is meant.")
    role = serializers.CharField(help_text="target or fallback")
    reason = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True, help_text="null where time will not mend it.")


class FailureSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    status = serializers.IntegerField()
    message = serializers.CharField()


class CallPlanSerializer(serializers.Serializer[Any]):
    strategy = serializers.CharField(allow_blank=True)
    candidates = PlannedSerializer(many=True, help_text="In the order in which they are tried, fallbacks last.")
    skipped = PassedOverSerializer(many=True)
    error = FailureSerializer(allow_null=True, help_text="How the call would fail before any attempt.")
    budget_seconds = serializers.FloatField(help_text="For the whole call, all its attempts and waits.")


class ExplanationSerializer(ResolutionSerializer):
    plan = CallPlanSerializer()


class QuestionSerializer(StrictFields):
    """Of a call. All optional: without a body it is one that asks for nothing in particular."""

    body = serializers.DictField(required=False, help_text="As the endpoint takes it; its model is not looked at.")
    endpoint = serializers.ChoiceField(call_plan.ENDPOINTS, required=False)
    project = Text(max_length=63, required=False, help_text="Its slug; without one the caller may use everything.")
    session = Text(
        max_length=LONGEST_SESSION, required=False, allow_blank=True, help_text="What x-gateway-session would say."
    )


class MayLook(ModelPermissions):
    """Explaining writes nothing: the right to see routes is enough."""

    perms_map = {**ModelPermissions.perms_map, "POST": ModelPermissions.perms_map["GET"]}


class ResolvedViewSet(viewsets.GenericViewSet[Route]):
    """What is said holds in the environment of this process."""

    queryset = selectors.routes()
    serializer_class = ResolutionSerializer
    permission_classes = (MayLook,)

    @extend_schema(responses=ResolutionSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        """Candidates in the order of a call, and why the rest is left out."""
        return Response(ResolutionSerializer(resolve(self._route(request, name))).data)

    @extend_schema(request=QuestionSerializer, responses={200: ExplanationSerializer})
    def explain(self, request: Request, name: str) -> Response:
        """The same, and what a given call would do now, without making it: `plan`."""
        asked = QuestionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if "project" in asked.validated_data and not request.user.has_perm("access.view_project"):
            raise PermissionDenied("You may not see projects: leave this one out.")
        route = self._route(request, name)
        return Response(ExplanationSerializer(explain(route, Question(**asked.validated_data))).data)

    def _route(self, request: Request, name: str) -> Route:
        return get_object_or_404(scope.narrowed(self.get_queryset(), request.user), name=name)
