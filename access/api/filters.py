"""Filters of the lists of callers."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import CharFilter, FilterSet

from access.models import Project, ProjectKey


class ProjectFilters(FilterSet):
    search = CharFilter(method="find", help_text="In slug, name and owner.")

    class Meta:
        model = Project
        fields = ("enabled", "environment", "default_route", "accept_tasks")

    def find(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        found = Q(slug__icontains=value) | Q(name__icontains=value) | Q(owner__icontains=value)
        return queryset.filter(found)


class ProjectKeyFilters(FilterSet):
    search = CharFilter(method="find", help_text="In key_id, name and last4.")

    class Meta:
        model = ProjectKey
        fields = ("enabled",)

    def find(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(Q(key_id__icontains=value) | Q(name__icontains=value) | Q(last4__iexact=value))
