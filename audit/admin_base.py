"""TrackedAdmin: the base of the admin pages of tracked models.

Every POST is one change set with the user as actor and the form's `change_reason`; the history page tells in words
what each revision changed. Reverting from the history form is off: a revert is planned and validated elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest
from django.urls import URLPattern
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin

from audit import diff, history, scope
from audit.admin_reason import REASON, answered, change_set_of, reason_field
from audit.models import ChangeSet

__all__ = ["REASON", "TrackedAdmin", "change_set_of"]


class TrackedAdmin(SimpleHistoryAdmin, ModelAdmin):
    """Subclasses say what they show and save through services; a service's change set joins the one opened here."""

    object_history_list_template = "admin/audit/object_history_list.html"
    delete_confirmation_template = "admin/audit/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/audit/delete_selected_confirmation.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return scope.narrowed(super().get_queryset(request), request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and scope.may(request.user, "view", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and scope.may(request.user, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and scope.may(request.user, "delete", obj)

    def history_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        # Of a deleted object the history alone is left, and it is narrowed like the object.
        pk_name = self.model._meta.pk.attname
        rows = self.get_history_queryset(request, self.model.history, pk_name, unquote(object_id))
        if not scope.narrowed(rows, request.user).exists():
            raise Http404("There is no object of this id.")
        return super().history_view(request, object_id, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().changeform_view
        return answered(request, lambda: view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().delete_view
        return answered(request, lambda: view(request, *args, **kwargs), confirmed=request.method == "POST")

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().changelist_view
        return answered(request, lambda: view(request, *args, **kwargs), confirmed="post" in request.POST)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        fields = kwargs["fields"] if "fields" in kwargs else flatten_fieldsets(self.get_fieldsets(request, obj))
        # The reason is no field of the model: it is added to the form that Django makes without it.
        kwargs["fields"] = None if fields is None else [name for name in fields if name != REASON]
        form = super().get_form(request, obj, change, **kwargs)
        return type(form)(form.__name__, (form,), {REASON: reason_field()})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = [
            (title, {**options, "fields": [name for name in options["fields"] if name != REASON]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        if self._may_write(request, obj):
            fieldsets.append(("Reason", {"fields": [REASON]}))
        return fieldsets

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        return bool(self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj))

    def get_urls(self) -> list[URLPattern]:
        # simple-history's form of an old version reads `.instance`, which mixes in today's secrets.
        return [url for url in super().get_urls() if not (url.name or "").endswith("_simple_history")]

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def get_history_queryset(
        self, request: HttpRequest, history_manager: Any, pk_name: str, object_id: Any
    ) -> QuerySet[Any]:
        try:
            of_object = history_manager.filter(**{pk_name: object_id})
        except (ValueError, ValidationError) as error:
            raise Http404("There is no object of this id.") from error
        last_of_each_revision = of_object.order_by().values("revision").annotate(last=Max("history_id")).values("last")
        return of_object.filter(history_id__in=last_of_each_revision).order_by("-revision")

    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Sequence[Any], foreign_keys_are_objs: bool = True
    ) -> None:
        entry = history.registration(self.model)
        told = diff.of_rows(entry, historical_records)
        sets = ChangeSet.objects.in_bulk([row.revision for row in historical_records])
        for row in historical_records:
            row.change = told.get((getattr(row, self.model._meta.pk.attname), row.revision))
            row.change_set = sets.get(row.revision)
