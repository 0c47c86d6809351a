"""/projects and /projects/{slug}/keys. Each view translates, makes one service call, and translates back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from access import selectors, services
from access.api.filters import ProjectFilters, ProjectKeyFilters
from access.api.serializers import CreatedProjectKeySerializer, ProjectKeySerializer, ProjectSerializer
from access.models import Project, ProjectKey
from audit.api.base import ChangeSetMixin
from audit.api.etags import ETagged
from audit.api.listing import StrictListing

IN_PATH = r"[^/\x00]+"  # PostgreSQL refuses to look for a text with a NUL in it


class ProjectViewSet(StrictListing, ETagged, ChangeSetMixin, viewsets.GenericViewSet[Project]):
    """Who may call, and what."""

    queryset = selectors.projects()
    serializer_class = ProjectSerializer
    lookup_field = "slug"
    lookup_value_regex = IN_PATH
    filterset_class = ProjectFilters
    ordering_fields = ("slug", "name", "created_at", "updated_at")

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, slug: str) -> Response:
        return self.shown(self.get_object())

    def create(self, request: Request) -> Response:
        fields = _checked(self.get_serializer(data=request.data))
        with self.write(request):
            project = services.create_project(**fields)
        return self.shown(project, status.HTTP_201_CREATED)

    def update(self, request: Request, slug: str) -> Response:
        project = self.get_object()
        fields = _checked(self.get_serializer(project, data=request.data, partial=True))
        with self.write(request):
            self.check_match(request, project)
            project = services.update_project(project=project, **fields)
        return self.shown(project)

    def partial_update(self, request: Request, slug: str) -> Response:
        return self.update(request, slug)

    def destroy(self, request: Request, slug: str) -> Response:
        project = self.get_object()
        with self.write(request):
            self.check_match(request, project)
            services.delete_project(project=project)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProjectKeyViewSet(StrictListing, ETagged, ChangeSetMixin, viewsets.GenericViewSet[ProjectKey]):
    """The keys of a project. A key's text is in the answer to its creation only; DELETE revokes it."""

    queryset = ProjectKey.objects.none()
    serializer_class = ProjectKeySerializer
    lookup_field = "key_id"
    lookup_value_regex = IN_PATH
    filterset_class = ProjectKeyFilters
    ordering_fields = ("name", "key_id", "expires_at", "created_at")

    def get_queryset(self) -> QuerySet[ProjectKey]:
        if getattr(self, "swagger_fake_view", False):
            return ProjectKey.objects.none()
        return selectors.keys_of(self.kwargs["slug"])

    def list(self, request: Request, slug: str) -> Response:
        self._project()
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, slug: str, key_id: str) -> Response:
        return self.shown(self.get_object())

    @extend_schema(responses={201: CreatedProjectKeySerializer})
    def create(self, request: Request, slug: str) -> Response:
        project = self._project()
        fields = _checked(self.get_serializer(data=request.data))
        _refuse_own_id(fields)
        with self.write(request):
            key, text = services.create_key(project=project, **fields)
        answer = CreatedProjectKeySerializer(key, context={**self.get_serializer_context(), "text": text})
        headers = {"Cache-Control": "no-store", "ETag": self.etag_of(key)}
        return Response(answer.data, status=status.HTTP_201_CREATED, headers=headers)

    def update(self, request: Request, slug: str, key_id: str) -> Response:
        key = self.get_object()
        fields = _checked(self.get_serializer(key, data=request.data, partial=True))
        with self.write(request):
            self.check_match(request, key)
            key = services.update_key(key=key, **fields)
        return self.shown(key)

    def partial_update(self, request: Request, slug: str, key_id: str) -> Response:
        return self.update(request, slug, key_id)

    def destroy(self, request: Request, slug: str, key_id: str) -> Response:
        key = self.get_object()
        with self.write(request):
            self.check_match(request, key)
            services.revoke_key(key=key)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _project(self) -> Project:
        project = selectors.projects().filter(slug=self.kwargs["slug"]).first()
        if project is None:
            raise Http404
        return project


def _checked(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _refuse_own_id(fields: dict[str, Any]) -> None:
    if fields.pop("key_id", None):
        raise ValidationError({"key_id": ["The gateway gives it."]})
