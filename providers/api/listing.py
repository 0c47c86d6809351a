"""Lists that refuse filters and orderings they do not know: silence would answer another question."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import QuerySet
from rest_framework import filters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from audit import scope

PAGES = frozenset({"page", "page_size", "search", "ordering"})
_BOOLEANS = {"true": True, "false": False}


class FieldFilter(filters.BaseFilterBackend):
    """`?name=value` for the view's `filter_fields`, which are names of columns. A value that cannot be is 400."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        given = request.query_params
        wanted = {name: _value(queryset.model, name, given[name]) for name in view.filter_fields if name in given}
        return queryset.filter(**wanted)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        model = view.queryset.model
        return [
            {"name": name, "in": "query", "required": False, "schema": _schema(_field(model, name))}
            for name in view.filter_fields
        ]


class StrictListing:
    """For list views: `filter_fields` (names of model fields), `search_fields`, `ordering_fields`; all else is 400."""

    filter_backends = (FieldFilter, filters.SearchFilter, filters.OrderingFilter)
    filter_fields: tuple[str, ...] = ()
    ordering_fields: tuple[str, ...] = ()
    action: str
    request: Request

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = scope.narrowed(queryset, self.request.user)
        if self.action != "list":
            return queryset
        self._refuse_unknown(self.request.query_params)
        return super().filter_queryset(queryset)

    def _refuse_unknown(self, given: Any) -> None:
        known = PAGES.union(self.filter_fields)
        wrong = {name[:60]: ["There is no such filter."] for name in given if name not in known}
        names = [name.strip().removeprefix("-") for name in given.get("ordering", "").split(",") if name.strip()]
        if any(name not in self.ordering_fields for name in names):
            wrong["ordering"] = [f"It must be of {', '.join(self.ordering_fields)}; a leading - turns it round."]
        if wrong:
            raise ValidationError(wrong)


def _field(model: type[models.Model], name: str) -> Any:
    """The column of this name: `provider_id` is that of a foreign key as well as a provider's own."""
    return next(field for field in model._meta.concrete_fields if field.attname == name)


def _value(model: type[models.Model], name: str, text: str) -> Any:
    field = _field(model, name)
    if isinstance(field, models.BooleanField):
        if text.lower() not in _BOOLEANS:
            raise ValidationError({name: ["It must be true or false."]})
        return _BOOLEANS[text.lower()]
    choices = [value for value, _ in field.flatchoices]
    if choices and text not in choices:
        raise ValidationError({name: [f"It must be one of {', '.join(repr(value) for value in choices)}."]})
    if "\x00" in text:
        raise ValidationError({name: ["It must not hold NUL."]})
    return text


def _schema(field: Any) -> dict[str, Any]:
    if isinstance(field, models.BooleanField):
        return {"type": "boolean"}
    choices = [value for value, _ in field.flatchoices]
    return {"type": "string", "enum": choices} if choices else {"type": "string"}
