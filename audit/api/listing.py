"""Lists that refuse filters and orderings they do not know, instead of answering another question."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import BooleanFilter, FilterSet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

PAGES = frozenset({"page", "page_size", "ordering", "format"})


class StrictListing:
    """For list views with a `filterset_class` and `ordering_fields`: any other parameter or ordering is 400."""

    filter_backends = (DjangoFilterBackend, OrderingFilter)
    filterset_class: type[FilterSet]
    ordering_fields: tuple[str, ...] = ()
    request: Request

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = self.request.query_params
        known = PAGES.union(self.filterset_class.base_filters)
        wrong = {name: ["There is no such filter."] for name in given if name not in known}
        orderings = [name.strip().removeprefix("-") for name in given.get("ordering", "").split(",") if name.strip()]
        for name, each in self.filterset_class.base_filters.items():
            # django-filter takes what is neither for no filter at all.
            if isinstance(each, BooleanFilter) and given.get(name, "true").lower() not in ("true", "false"):
                wrong[name] = ["It must be true or false."]
        if not set(orderings) <= set(self.ordering_fields):
            wrong["ordering"] = [f"It must be of {', '.join(self.ordering_fields)}; a leading - turns it round."]
        if wrong:
            raise ValidationError(wrong)
        return super().filter_queryset(queryset)
