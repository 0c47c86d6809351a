"""What the views of this API share: each translates, makes one service call, and translates back."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.http import Http404
from rest_framework import status, viewsets
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from audit import scope
from audit.api.base import ChangeSetMixin
from audit.api.etags import ETagged
from providers import selectors
from providers.api.listing import StrictListing
from providers.models import Provider


class Resource(StrictListing, ETagged, ChangeSetMixin, viewsets.GenericViewSet[Any]):
    """list, retrieve, create, update (PUT = PATCH = partial) and destroy; a view says which service each one calls."""

    def create_row(self, fields: dict[str, Any]) -> Model:
        raise NotImplementedError

    def update_row(self, row: Any, fields: dict[str, Any]) -> Model:
        raise NotImplementedError

    def delete_row(self, row: Any) -> None:
        raise NotImplementedError

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if any("\x00" in value for value in self.kwargs.values()):
            raise Http404  # PostgreSQL cannot even be asked for it
        super().initial(request, *args, **kwargs)
        self._check_provider(request)

    def _check_provider(self, request: Request) -> None:
        """Every path below /providers/{provider_id}: 404 where the user may not see the provider, 403 where they may
        only look."""
        provider_id = self.kwargs.get("provider_id")
        mine = scope.of(request.user)
        if provider_id is None or (mine.sees(provider_id) and request.method in SAFE_METHODS):
            return
        if not mine.sees(provider_id):
            raise Http404
        if not mine.changes(provider_id):
            raise PermissionDenied

    def list(self, request: Request, **path: str) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, **path: str) -> Response:
        return self.shown(self.get_object())

    def create(self, request: Request, **path: str) -> Response:
        fields = self.fields_of(request, partial=False)
        with self.write(request):
            row = self.create_row(fields)
        return self.answer(row, status.HTTP_201_CREATED)

    def update(self, request: Request, **path: str) -> Response:
        row = self.get_object()
        fields = self.fields_of(request, partial=True)
        with self.write(request):
            self.check_match(request, row)
            row = self.update_row(row, fields)
        return self.answer(row, status.HTTP_200_OK)

    def partial_update(self, request: Request, **path: str) -> Response:
        return self.update(request, **path)

    def destroy(self, request: Request, **path: str) -> Response:
        row = self.get_object()
        with self.write(request):
            self.check_match(request, row)
            self.delete_row(row)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def handle_exception(self, error: Exception) -> Response:
        # The row went away between the view's read and the service's, which reads again under the lock.
        return super().handle_exception(Http404() if isinstance(error, ObjectDoesNotExist) else error)

    def fields_of(self, request: Request, *, partial: bool) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, row: Any, code: int) -> Response:
        """The row as a GET would show it now."""
        return self.shown(row, code)


class ChildResource(Resource):
    """Something of one provider, named by the path; a `provider_id` in the body must be the same."""

    def provider(self) -> Provider:
        try:
            return selectors.provider(self.kwargs["provider_id"])
        except Provider.DoesNotExist:
            raise Http404 from None

    def list(self, request: Request, **path: str) -> Response:
        self.provider()
        return super().list(request, **path)

    def fields_of(self, request: Request, *, partial: bool) -> dict[str, Any]:
        self.provider()
        fields = super().fields_of(request, partial=partial)
        if fields.pop("provider_id", self.kwargs["provider_id"]) != self.kwargs["provider_id"]:
            raise ValidationError({"provider_id": ["It must be the provider of the path."]})
        return fields
