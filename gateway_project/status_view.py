"""GET /status: for those who may see providers; of them, what they may see."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import history, scope
from audit.health_models import Subject
from gateway_project import status
from providers import selectors
from providers.models import Provider


class KeyStatus(serializers.Serializer[Any]):
    key_id = serializers.CharField()
    name = serializers.CharField()
    environment = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class ExpiringKey(serializers.Serializer[Any]):
    key_id = serializers.CharField()
    name = serializers.CharField()
    environment = serializers.CharField(allow_blank=True)
    expires_at = serializers.DateTimeField()
    days_left = serializers.FloatField()


class Troubled(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Subject.Kind.choices)
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=Subject.State.choices)
    category = serializers.ChoiceField(choices=Subject.Category.choices, allow_blank=True)
    until = serializers.DateTimeField(allow_null=True)


class BreakerStatus(serializers.Serializer[Any]):
    """The worst of the provider and its models."""

    state = serializers.ChoiceField(choices=Subject.State.choices)
    category = serializers.ChoiceField(choices=Subject.Category.choices, allow_blank=True)
    until = serializers.DateTimeField(allow_null=True, help_text="When the next call tries it; null: not known.")
    troubled = Troubled(many=True, help_text="The provider, models and keys that are not closed, the worst first.")


class ProviderStatus(serializers.Serializer[Any]):
    provider_id = serializers.CharField()
    display_name = serializers.CharField()
    provider_type = serializers.CharField()
    enabled = serializers.BooleanField()
    state = serializers.CharField(help_text="ready, no_usable_key, no_model, disabled")
    breaker = BreakerStatus()
    open_incidents = serializers.IntegerField(help_text="Of the provider, its models and its keys.")
    last_test = serializers.DictField(allow_null=True, help_text="As POST /providers/{id}/test answered.")
    probe_interval_seconds = serializers.IntegerField(help_text="0: it is not probed.")
    last_probe = serializers.DictField(
        allow_null=True, help_text="success, error, model_tested, key_id, probed_at, failed_in_a_row"
    )
    requests = serializers.IntegerField(help_text="Calls of the last hour that ended here.")
    failed = serializers.IntegerField()
    attempts = serializers.IntegerField(help_text="Of the last hour, whatever became of their calls.")
    failed_attempts = serializers.IntegerField()
    error_rate = serializers.FloatField(
        allow_null=True, help_text="Of the attempts, 0 to 1; null where there were none."
    )
    last_call_at = serializers.DateTimeField(allow_null=True)
    keys = KeyStatus(many=True)
    expiring_keys = ExpiringKey(many=True, help_text="To end within 14 days.")


class Status(serializers.Serializer[Any]):
    environment = serializers.CharField()
    revision = serializers.IntegerField()
    checked_at = serializers.DateTimeField()
    window = serializers.CharField(help_text="What the figures are of.")
    providers = ProviderStatus(many=True)


class StatusView(APIView):
    """What each provider is good for now."""

    queryset = Provider.objects.none()  # whose rights are asked for

    @extend_schema(responses={200: Status})
    def get(self, request: Request) -> Response:
        now = timezone.now()
        seen = scope.narrowed(selectors.providers(), request.user)
        told = {
            "environment": settings.GATEWAY_ENV,
            "revision": history.revision(),
            "checked_at": now,
            "window": status.WINDOW,
            "providers": status.of_providers(seen, now=now),
        }
        return Response(Status(told).data)
