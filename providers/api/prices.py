"""/prices: proposals of new prices, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import history, scope
from audit.api.base import ChangeSetMixin, StrictFields
from audit.api.permissions import ModelPermissions
from providers import services
from providers.api.fields import Text
from providers.api.listing import StrictListing
from providers.models import PriceProposal, Provider

_VIEW, _CHANGE = ["providers.view_providermodel"], ["providers.change_providermodel"]


class ModelRights(ModelPermissions):
    """Prices are a part of models: who may change these may change their prices."""

    perms_map = {**ModelPermissions.perms_map, "GET": _VIEW, "HEAD": _VIEW, "POST": _CHANGE}


class ProposalSerializer(serializers.Serializer[Any]):
    """`old` is the entry that is valid now, null where there is none; `price` the one that is proposed."""

    model = serializers.CharField(source="__str__")
    provider_id = serializers.CharField()
    model_id = serializers.CharField()
    old = serializers.DictField(allow_null=True)
    price = serializers.DictField()
    source = serializers.CharField()
    created_at = serializers.DateTimeField()


class RefreshSerializer(StrictFields):
    provider_id = Text(max_length=63, required=False, help_text="Of this provider only.")


class ChosenSerializer(StrictFields):
    models = serializers.ListField(
        child=Text(max_length=330), required=False, help_text='"provider/model"; without it, all that are proposed.'
    )


class RefreshedSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    proposals = ProposalSerializer(many=True)


class DoneSerializer(serializers.Serializer[Any]):
    models = serializers.ListField(child=serializers.CharField())
    revision = serializers.IntegerField(allow_null=True, help_text="The change set; null where nothing changed.")


class ProposalViewSet(StrictListing, ChangeSetMixin, mixins.ListModelMixin, viewsets.GenericViewSet[PriceProposal]):
    """What a list of prices proposes. Nothing changes before an operator accepts it."""

    queryset = PriceProposal.objects.all()
    serializer_class = ProposalSerializer
    permission_classes = (ModelRights,)
    filter_fields = ("provider_id",)
    search_fields = ("provider_id", "model_id")
    ordering_fields = ("provider_id", "model_id", "created_at")

    @extend_schema(request=RefreshSerializer, responses={200: RefreshedSerializer})
    def refresh(self, request: Request) -> Response:
        fields = _checked(RefreshSerializer(data=request.data))
        found = services.refresh_prices(providers=self._providers(request, fields.get("provider_id")))
        return Response(RefreshedSerializer({"count": len(found), "proposals": found}).data)

    @extend_schema(request=ChosenSerializer, responses={200: DoneSerializer})
    def accept(self, request: Request) -> Response:
        return self._do(request, lambda chosen: services.accept_prices(proposals=chosen))

    @extend_schema(request=ChosenSerializer, responses={200: DoneSerializer})
    def dismiss(self, request: Request) -> Response:
        return self._do(request, lambda chosen: services.dismiss_prices(proposals=chosen))

    def _do(self, request: Request, service: Callable[[list[PriceProposal]], list[str]]) -> Response:
        fields = _checked(ChosenSerializer(data=request.data))
        with self.write(request) as draft:
            before = history.revision()
            models = service(self._chosen(request, fields.get("models")))
        revision = draft.revision if history.revision() > before else None
        return Response(DoneSerializer({"models": models, "revision": revision}).data)

    def _providers(self, request: Request, provider_id: str | None) -> list[Provider]:
        """Those that the caller may change. One that is named must be."""
        mine = scope.of(request.user)
        rows = Provider.objects.prefetch_related("connection_parameters")
        if provider_id is None:
            return [row for row in rows if mine.changes(row.provider_id)]
        row = scope.narrowed(rows, request.user).filter(provider_id=provider_id.replace("\x00", "")).first()
        if row is None:
            raise Http404
        if not mine.changes(provider_id):
            raise PermissionDenied
        return [row]

    def _chosen(self, request: Request, names: list[str] | None) -> list[PriceProposal]:
        mine = scope.of(request.user)
        rows: QuerySet[PriceProposal] = self.get_queryset()
        if names is None:
            return [row for row in rows if mine.changes(row.provider_id)]
        wanted = Q(provider_id__in={name.partition("/")[0].replace("\x00", "") for name in names})
        found = {str(row): row for row in rows.filter(wanted) if mine.changes(row.provider_id)}
        if strange := [name for name in names if name not in found]:
            raise ValidationError({"models": [f'No price is proposed for "{name[:320]}".' for name in strange[:20]]})
        return [found[name] for name in dict.fromkeys(names)]


def _checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
