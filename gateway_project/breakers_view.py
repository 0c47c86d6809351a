"""POST /breakers/reset: a provider, a model or a key is called again at once."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.base import StrictFields, reason_of
from audit.api.openapi import DETAIL
from audit.health_models import HealthState, Subject
from gateway_project import breakers


class ResetBody(StrictFields):
    kind = serializers.ChoiceField(choices=Subject.Kind.choices)
    name = serializers.CharField(max_length=330, help_text="openai, openai/gpt-4o or, of a key, openai/KEY_ID")
    reason = serializers.CharField(required=False, allow_blank=True, help_text="Kept with the order.")


class ResetAnswer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Subject.Kind.choices)
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=[("closed", "Closed")])
    order = serializers.IntegerField(help_text="The number by which the processes that serve calls hear of it.")


class MayReset(permissions.BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and request.user.has_perm(breakers.RIGHT))


class BreakerReset(generics.GenericAPIView[HealthState]):
    """Within half a second every process calls it again as if nothing had been. No revision is made."""

    queryset = HealthState.objects.none()
    serializer_class = ResetBody
    permission_classes = (MayReset,)
    pagination_class = None

    @extend_schema(
        operation_id="breakers_reset",
        request=ResetBody,
        responses={
            200: ResetAnswer,
            404: OpenApiResponse(DETAIL, "Nothing of that name is configured, or none that the user may see."),
        },
    )
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = serializer.validated_data
        try:
            order = breakers.reset(kind=body["kind"], name=body["name"], user=request.user, reason=reason_of(request))
        except breakers.NoSuchSubject as error:
            raise Http404 from error
        return Response({"kind": order.kind, "name": order.name, "state": "closed", "order": order.pk})
