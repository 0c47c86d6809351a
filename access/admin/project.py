"""Projects and, inside, their keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from access import services
from access.admin.project_key import KeyInline
from access.models import Project
from providers.admin.badges import EnabledColumn, EnvironmentColumn
from providers.admin.base import ServiceAdmin, ServiceForm, Writes
from providers.admin.fields import JsonText, Lines
from providers.models import Environment, Route


def route_choices() -> list[tuple[str, str]]:
    return [("", "none"), *((name, name) for name in Route.objects.values_list("name", flat=True))]


class ProjectForm(ServiceForm):
    allowed_models = Lines(
        initial=["*"], help_text="One a line: a route, provider/model, a model id, or * for all. Empty allows none."
    )
    tags = JsonText(rows=4, help_text='An object of texts that stands in the record of every call: {"team": "search"}.')
    default_route = forms.ChoiceField(
        choices=route_choices, required=False, widget=UnfoldAdminSelectWidget, help_text="For calls without a model."
    )
    environment = forms.ChoiceField(choices=Environment.choices, required=False, widget=UnfoldAdminSelectWidget)


@admin.register(Project)
class ProjectAdmin(EnabledColumn, EnvironmentColumn, ServiceAdmin):
    writes = Writes(
        create=lambda parent, fields: services.create_project(**fields),
        update=lambda project, fields: services.update_project(project=project, **fields),
        delete=lambda project: services.delete_project(project=project),
    )
    form = ProjectForm
    inlines = (KeyInline,)
    actions_detail = ("new_key",)
    list_display = ("slug", "name", "owner", "shown_enabled", "shown_environment", "keys", "default_route")
    list_filter = ("enabled", "environment", "accept_tasks")
    search_fields = ("slug", "name", "owner")
    fieldsets = (
        (None, {"fields": (("slug", "enabled"), ("name", "owner"))}),
        ("What it may call", {"fields": ("allowed_models", ("default_route", "environment"), "accept_tasks", "tags")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("slug",)

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[Any, ...]:
        return () if obj is None else self.inlines

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(number_of_keys=Count("keys"))

    @display(description="Keys", ordering="number_of_keys")
    def keys(self, project: Any) -> int:
        return int(project.number_of_keys)

    @action(description="New key", url_path="new-key", icon="key", permissions=["new_key"])
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        return HttpResponseRedirect(f"{reverse('admin:access_projectkey_add')}?project={self._slug(object_id)}")

    def has_new_key_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        # By its name here: unfold asks the database at start for a permission with a dot, and there may be none yet.
        return bool(request.user.has_perm("access.add_projectkey"))

    def _slug(self, object_id: str) -> str:
        return Project.objects.values_list("slug", flat=True).filter(pk=object_id).first() or ""
