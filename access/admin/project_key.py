"""Project keys: on a page of their own, and inside their project's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from access import services
from access.admin import once
from access.admin.badges import CredentialColumns
from access.models import ProjectKey
from providers.admin.base import ServiceAdmin, ServiceForm, ServiceTabularInline, Writes
from providers.admin.fields import Lines

SHOWN = ("key_id", "shown_text", "shown_state", "shown_last_used", "created_at")


def _create(parent: Any, fields: dict[str, Any]) -> ProjectKey:
    key, text = services.create_key(**fields)
    key.text_shown_once = text
    return key


WRITES = Writes(
    create=_create,
    update=lambda key, fields: services.update_key(key=key, **fields),
    delete=lambda key: services.revoke_key(key=key),
)


class ProjectKeyForm(ServiceForm):
    allowed_models = Lines(
        initial=["*"],
        help_text="One a line: a route, provider/model, a model id, or * for all that the project allows.",
    )


class KeyInline(CredentialColumns, ServiceTabularInline):
    """The keys of a project. A new one is made on its own page, which shows its text.

    All of a key's fields are on that page too."""

    model = ProjectKey
    writes = WRITES
    fields = ("name", "shown_text", "shown_state", "enabled", "expires_at", "shown_last_used")
    readonly_fields = ("shown_text", "shown_state", "expires_at", "shown_last_used")
    show_change_link = True
    verbose_name_plural = "Keys (delete one to revoke it)"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("state")


@admin.register(ProjectKey)
class ProjectKeyAdmin(CredentialColumns, ServiceAdmin):
    writes = WRITES
    form = ProjectKeyForm
    list_display = ("name", "project", "shown_text", "shown_state", "expires_at", "shown_last_used")
    list_filter = ("enabled", "project")
    list_select_related = ("state",)
    search_fields = ("name", "key_id", "project__slug", "last4")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        made = ("project", "name", "enabled", "expires_at", "allowed_models")
        return made if obj is None else (*made, *SHOWN)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("project", *SHOWN)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            once.keep(request, obj.__dict__.pop("text_shown_once"))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        back = reverse("admin:access_project_change", args=[obj.project.pk])
        return once.page(request, admin=self, row=obj, what="project key", back=back)
