"""/config/export, /config/import, /config/schema and POST /providers/{id}/sync: the configuration as a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import permissions, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import scope, source
from audit.api.base import ChangeSetMixin
from audit.api.parsers import BoundedJSONParser
from llm.core import reading, writing
from providers.config_file import exporting, import_text, in_file, schema, states
from providers.errors import ConfigurationError
from providers.models import Provider

YAML = "application/yaml"
_BOOLEANS = {"true": True, "false": False}


class WholeText(BaseParser):
    """The body as it came; bounded as a file is."""

    media_type = YAML

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> bytes:
        return bytes(stream.read(reading.LARGEST + 1))


class OtherYaml(WholeText):
    media_type = "application/x-yaml"


class TextYaml(WholeText):
    media_type = "text/yaml"


class YamlOrJson(BaseContentNegotiation):
    """YAML is answered as YAML and all else as JSON, whatever is accepted."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Request, renderers: Sequence[Any], format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ConfigurationRights(permissions.BasePermission):
    """The view's `right`; what writes the whole needs a user who is limited to no providers."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated or not request.user.has_perm(view.right):
            return False
        return not (view.writes and scope.of(request.user).limited)


class ConfigurationView(ChangeSetMixin, APIView):
    permission_classes = (ConfigurationRights,)
    content_negotiation_class = YamlOrJson
    right: ClassVar[str] = "providers.view_provider"
    writes: ClassVar[bool] = False


class ExportView(ConfigurationView):
    """The configuration as YAML, without secrets: of a stored one its fingerprint. Only what the caller may see."""

    @extend_schema(responses={(200, YAML): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(exporting.text(states.read(user=request.user)), content_type=YAML)


class SchemaView(ConfigurationView):
    """The JSON schema of the file."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        return Response(schema.schema())


class ImportResult(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    plan = serializers.ListField(
        child=serializers.CharField(), help_text="A line an object: + made, ~ changed, - gone."
    )
    kept = serializers.ListField(child=serializers.CharField(), help_text="What stands against the file, and was kept.")
    revision = serializers.IntegerField(allow_null=True, help_text="null where nothing changed.")


def _flag(name: str, help_text: str) -> OpenApiParameter:
    return OpenApiParameter(name, bool, description=help_text)


class ImportView(ConfigurationView):
    """Applies a YAML file in one change set of origin `import`. What it does not name stays, but with `prune`."""

    parser_classes = (WholeText, OtherYaml, TextYaml)
    right = "providers.change_configfilestate"
    writes = True

    @extend_schema(
        request={YAML: OpenApiTypes.STR},
        responses={200: ImportResult, 400: OpenApiResponse(description="What is wrong, with lines of the file.")},
        parameters=[
            _flag("dry_run", "Only tell what would change."),
            _flag("prune", "Delete what the file does not name."),
        ],
    )
    def post(self, request: Request) -> Response:
        flags = _flags(request, ("dry_run", "prune"))
        text = request.data if isinstance(request.data, bytes) else b""  # without a body there is no parser
        try:
            if flags["dry_run"]:
                report = import_text(text, **flags)
            else:
                with source.use(origin="import"), self.write(request, reason="configuration imported"):
                    report = import_text(text, **flags)
        except ConfigurationError as error:
            raise ValidationError({"file": str(error).splitlines()}) from error
        told = {"plan": report.plan, "kept": report.kept, "revision": report.revision}
        return Response({"dry_run": flags["dry_run"], **told})


class SyncResult(serializers.Serializer[Any]):
    provider_id = serializers.CharField()
    yaml = serializers.CharField(help_text="What the file now says of the provider.")


class NotSynced(SyncResult):
    detail = serializers.CharField()


class SyncView(ConfigurationView):
    """Writes the provider, as it is now, into the YAML file that `init_db --sync` applies."""

    parser_classes = (BoundedJSONParser,)
    right = "providers.change_configfilestate"
    writes = True

    @extend_schema(request=None, responses={200: SyncResult, 409: NotSynced})
    def post(self, request: Request, provider_id: str) -> Response:
        if "\x00" in provider_id or not Provider.objects.filter(provider_id=provider_id).exists():
            raise Http404
        answer = {"provider_id": provider_id, "yaml": writing.to_yaml(in_file.of_provider(provider_id))}
        try:
            in_file.write_provider(Path(settings.CONFIG_PATH), provider_id)
        except writing.NotWritable as error:
            return Response({"detail": str(error), **answer}, status=409)
        except ConfigurationError as error:
            return Response({"detail": f"The configuration file is not right: {error}", **answer}, status=409)
        return Response(answer)


def _flags(request: Request, names: Sequence[str]) -> dict[str, bool]:
    wrong = {name[:60]: ["There is no such parameter."] for name in request.query_params if name not in names}
    given = {name: request.query_params.get(name, "false").lower() for name in names}
    wrong |= {name: ["It must be true or false."] for name, value in given.items() if value not in _BOOLEANS}
    if wrong:
        raise ValidationError(wrong)
    return {name: _BOOLEANS[value] for name, value in given.items()}
