"""/audit/config: the configuration as of any revision, in exactly the format of an export."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit import state
from audit.api import moments
from audit.api.changes import refuse_unknown
from audit.models import ChangeSet


class YamlRenderer(BaseRenderer):
    """Answers are bytes already; an error is JSON, which YAML holds too."""

    media_type = "application/yaml"
    format = "yaml"
    charset = "utf-8"

    def render(self, data: Any, media_type: str | None = None, context: Any = None) -> bytes:
        return data if isinstance(data, bytes) else JSONRenderer().render(data)


class JsonErrorRenderer(JSONRenderer):
    """For callers that ask for JSON only: they get errors in it, and the file as a text."""

    def render(self, data: Any, media_type: str | None = None, context: Any = None) -> bytes:
        return bytes(super().render(data.decode() if isinstance(data, bytes) else data, media_type, context))


class Configuration(generics.GenericAPIView[ChangeSet]):
    """What the caller may see of it; the newest where neither a revision nor a time is said. Revision 0 is empty."""

    queryset = ChangeSet.objects.all()
    renderer_classes = (YamlRenderer, JsonErrorRenderer)
    pagination_class = None

    def handle_exception(self, error: Exception) -> Response:
        # An error is JSON, and says so.
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().handle_exception(error)

    @extend_schema(
        operation_id="audit_config",
        parameters=[
            OpenApiParameter("revision", int),
            OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="The revision that held at this time."),
        ],
        responses={(200, "application/yaml"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, {"revision", "as_of", "format"})
        number = _revision(request.query_params.get("revision"), request.query_params.get("as_of"))
        file = state.export(state.at(number, user=request.user))
        return Response(file, headers={"ETag": f'"{number}"'})


def _revision(number: str | None, as_of: str | None) -> int:
    if number is not None and as_of is not None:
        raise ValidationError({"as_of": ["Give either a revision or a time."]})
    if number is not None:
        return moments.known(moments.number("revision", number))
    return state.revision_at(moments.moment("as_of", as_of)) if as_of is not None else state.newest()
