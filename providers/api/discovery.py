"""POST /providers/{id}/discover: the provider's own list of models, and adding of it what one likes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.base import StrictFields
from providers import discovery
from providers.api.fields import Text
from providers.api.provider_action import ProviderAction


class DiscoverBody(StrictFields):
    apply = serializers.ListField(
        child=Text(max_length=255), required=False, help_text="The model ids to add, of those that the provider lists."
    )


class ListedModel(serializers.Serializer[Any]):
    model_id = serializers.CharField()
    display_name = serializers.CharField(allow_blank=True)
    model_type = serializers.CharField()
    context_window = serializers.IntegerField(allow_null=True)
    max_tokens = serializers.IntegerField(allow_null=True)
    prices = serializers.ListField(child=serializers.DictField(), help_text="As in a model's body.")


class KnownModel(ListedModel):
    enabled = serializers.BooleanField()


class GoneModel(serializers.Serializer[Any]):
    model_id = serializers.CharField()
    display_name = serializers.CharField(allow_blank=True)
    enabled = serializers.BooleanField()


class DiscoverResult(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    provider_id = serializers.CharField()
    new = ListedModel(many=True)
    known = KnownModel(many=True)
    gone = GoneModel(many=True, help_text="Stored, and not listed any more.")
    added = serializers.ListField(child=serializers.CharField())
    error = serializers.CharField(allow_null=True)


class DiscoverViewSet(ProviderAction):
    """Without `apply` nothing is written. A provider that does not answer is 200 with `success: false`."""

    serializer_class = DiscoverBody

    @extend_schema(request=DiscoverBody, responses={200: DiscoverResult})
    def create(self, request: Request, **path: str) -> Response:
        provider, fields = self.asked(request)
        wanted = fields.get("apply", [])
        if wanted and not request.user.has_perm("providers.add_providermodel"):
            raise PermissionDenied("You may not add models.")
        found = discovery.run(provider=provider)
        if not wanted or found.error:
            return Response(found.result())
        with self.write(request):
            added = discovery.add(provider=provider, found=found, model_ids=wanted)
        return Response(found.result(added))
