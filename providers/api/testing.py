"""POST /providers/{id}/test: one real call, and what came of it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.base import StrictFields
from providers import testing
from providers.api.fields import Text
from providers.api.provider_action import ProviderAction


class TestBody(StrictFields):
    __test__ = False  # no test of pytest's

    model = Text(
        max_length=255, required=False, allow_null=True, help_text="A model of the provider; else the cheapest suited."
    )


class TestResult(serializers.Serializer[Any]):
    __test__ = False

    success = serializers.BooleanField()
    message = serializers.CharField()
    provider_id = serializers.CharField()
    model_tested = serializers.CharField(allow_null=True)
    response = serializers.CharField(allow_null=True, help_text="At most 200 characters of what the model said.")
    duration_ms = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)
    error_code = serializers.CharField(allow_null=True)
    tested_at = serializers.DateTimeField()


class TestViewSet(ProviderAction):
    """Test connection. A failed test is 200 with `success: false`; it makes no revision, and its result is kept."""

    __test__ = False
    serializer_class = TestBody

    @extend_schema(request=TestBody, responses={200: TestResult})
    def create(self, request: Request, **path: str) -> Response:
        provider, fields = self.asked(request)
        user = request.user.get_username()
        return Response(testing.run(provider=provider, model=fields.get("model") or "", user=user))
