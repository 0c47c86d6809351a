"""Admin pages that write through services: the same checks, binding and change set as in the REST API.

A page first runs as Django runs it, in a savepoint, with services in the place of `save()`. Where a service refuses,
the savepoint is rolled back and the page runs again: now the form that was refused says what was wrong, at its field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import StackedInline, TabularInline

from audit import scope
from audit.admin_base import REASON, TrackedAdmin, change_set_of
from providers.admin.affected import affected

NOTHING_SAVED = "Nothing was saved: see what is marked below."
MAIN_FORM = ""


@dataclass(frozen=True, slots=True)
class Writes:
    """The services of one model. `create(parent, fields)` (parent None on a page of its own) and `update(row, fields)`
    give the written row; `fields` are cleaned form values, on an update only those that were changed."""

    create: Callable[[Any, dict[str, Any]], models.Model]
    update: Callable[[Any, dict[str, Any]], models.Model]
    delete: Callable[[Any], None]


class Refused(Exception):
    """A service said no to the form with this prefix."""

    def __init__(self, prefix: str, error: ValidationError) -> None:
        super().__init__(prefix)
        self.prefix = prefix
        self.error = error


class ServiceForm(forms.ModelForm):
    """A form whose row a service writes. Of the forms of an inline those with the lower `save_order` go first."""

    refused: Refused | None = None
    save_order = 0

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.refused is None:
            return
        prefix = self.prefix or MAIN_FORM
        if self.refused.prefix == prefix:
            self._tell(self.refused.error)
        elif prefix == MAIN_FORM:
            self.add_error(None, NOTHING_SAVED)

    def _tell(self, error: ValidationError) -> None:
        for path, texts in messages_by_field(error).items():
            name, _, inside = path.partition(".")  # `targets.0.model` is a place inside `targets`
            name = self.field_of(name)
            known = name in self.fields
            about = inside if known else "" if path == NON_FIELD_ERRORS else path
            self.add_error(name if known else None, [f"{about}: {text}" if about else text for text in texts])

    def field_of(self, name: str) -> str:
        """The form's field for a service's field of this name."""
        return name

    def written(self) -> dict[str, Any]:
        """What goes to the service: of a new row all that was filled in, of a stored one what was changed."""
        names = [name for name in self.fields if name in self.cleaned_data and name in self.own_names()]
        if self.instance._state.adding:
            return {name: self.cleaned_data[name] for name in names}
        return {name: self.cleaned_data[name] for name in names if name in self.changed_data}

    def own_names(self) -> set[str]:
        """Fields of the row: neither the reason of the change nor what a formset adds."""
        return set(self._meta.fields or ())


def messages_by_field(error: ValidationError) -> dict[str, list[str]]:
    return dict(error.message_dict) if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: list(error.messages)}


def told(error: ValidationError) -> str:
    """An error in one line, for a message at the top of a page."""
    return " ".join(text for texts in messages_by_field(error).values() for text in texts)


def asked(prefix: str, service: Callable[[], Any]) -> Any:
    """Calls a service for the form with this prefix."""
    try:
        return service()
    except ValidationError as error:
        raise Refused(prefix, error) from error


class ServiceInline:
    """For inlines: the page of the parent writes their rows. Lower `save_order` first."""

    writes: Writes
    save_order = 0
    form = ServiceForm
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and scope.may(request.user, "add", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and scope.may(request.user, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and scope.may(request.user, "delete", obj)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        formset.form.refused = getattr(request, "refused", None)
        formset.writes = self.writes
        formset.save_order = self.save_order
        return formset


class ServiceTabularInline(ServiceInline, TabularInline):
    pass


class ServiceStackedInline(ServiceInline, StackedInline):
    pass


class ServiceAdmin(TrackedAdmin):
    """A page whose row, and the rows of its inlines, are written by services."""

    writes: Writes
    form = ServiceForm
    compressed_fields = False  # labels above their inputs: only so several fit in one row

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if kwargs.get("fields") is not None:  # as Django's page says them: all of the fieldsets, the reason included
            kwargs["fields"] = [name for name in kwargs["fields"] if name != REASON]
        form = super().get_form(request, obj, change, **kwargs)
        form.refused = getattr(request, "refused", None)
        return form

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":  # a transaction of SQLite takes the write lock: not for looking at a page
            return super().changeform_view(request, *args, **kwargs)
        with change_set_of(request):
            try:
                with transaction.atomic():
                    return super().changeform_view(request, *args, **kwargs)
            except Refused as refused:
                request.refused = refused
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        fields = form.written()
        if change:
            row = asked(MAIN_FORM, lambda: self.writes.update(self._stored(obj), fields))
        else:
            row = asked(MAIN_FORM, lambda: self.writes.create(None, fields))
        # The page goes on with the form's own object: it becomes what was written.
        obj.__dict__.update(row.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for formset in sorted(formsets, key=lambda each: getattr(each, "save_order", 0)):
            self.save_formset(request, form, formset, change=change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        if not hasattr(formset, "writes"):
            return
        leaving = [each for each in formset.forms if formset.can_delete and formset._should_delete_form(each)]
        for each in leaving:
            _delete(formset, each)
        staying = [each for each in formset.forms if each not in leaving and each.has_changed()]
        for each in sorted(staying, key=lambda one: one.save_order):
            _write(formset, each, form.instance)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.writes.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in list(queryset):
            self.writes.delete(row)

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        if request.method == "GET" and (row := self.get_object(request, unquote(object_id))) is not None:
            kwargs["extra_context"] = {**(kwargs.get("extra_context") or {}), "affected": affected([row])}
        return self._or_say_why(
            request,
            lambda: super(ServiceAdmin, self).delete_view(request, object_id, *args, **kwargs),
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]),
        )

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._or_say_why(
            request,
            lambda: super(ServiceAdmin, self).changelist_view(request, *args, **kwargs),
            request.get_full_path(),
        )

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        response = super().response_action(request, queryset)
        if "deletable_objects" in (getattr(response, "context_data", None) or {}):  # Django's page before a deletion
            response.context_data["affected"] = affected(response.context_data["queryset"])
        return response

    def _or_say_why(self, request: HttpRequest, view: Callable[[], Any], back: str) -> HttpResponse:
        if request.method != "POST":
            return view()
        try:
            with transaction.atomic():
                return view()
        except ValidationError as error:
            self.message_user(request, told(error), messages.ERROR)
            return HttpResponseRedirect(back)

    def _stored(self, obj: Any) -> Any:
        """The row as it is stored: the form has already put its values on `obj`."""
        return self.model._default_manager.get(pk=obj.pk)


def _delete(formset: Any, form: Any) -> None:
    if form.instance.pk is None:
        return
    # A form that is to be deleted is not validated, so it could not show the error: the main form does.
    asked(MAIN_FORM, lambda: formset.writes.delete(form.instance))
    formset.deleted_objects.append(form.instance)


def _write(formset: Any, form: Any, parent: Any) -> None:
    fields = form.written()
    if form.instance._state.adding:
        formset.new_objects.append(asked(form.prefix, lambda: formset.writes.create(parent, fields)))
    elif fields:
        stored = formset.model._default_manager.get(pk=form.instance.pk)
        row = asked(form.prefix, lambda: formset.writes.update(stored, fields))
        formset.changed_objects.append((row, form.changed_data))
