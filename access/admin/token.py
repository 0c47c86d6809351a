"""User tokens: made here with their text shown once, revoked by deleting them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from access import services
from access.admin import once
from access.admin.badges import CredentialColumns
from access.models import UserToken
from providers.admin.base import ServiceAdmin, Writes

SHOWN = ("token_id", "shown_text", "shown_state", "shown_last_used", "created_at")


def _create(parent: Any, fields: dict[str, Any]) -> UserToken:
    token, text = services.create_token(**fields)
    token.text_shown_once = text
    return token


@admin.register(UserToken)
class UserTokenAdmin(CredentialColumns, ServiceAdmin):
    writes = Writes(
        create=_create,
        update=lambda token, fields: services.update_token(token=token, **fields),
        delete=lambda token: services.revoke_token(token=token),
    )
    list_display = ("name", "user", "shown_text", "shown_state", "expires_at", "shown_last_used")
    list_filter = ("enabled", "user")
    list_select_related = ("user", "state")
    search_fields = ("name", "token_id", "user__username", "last4")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        made = ("user", "name", "enabled", "expires_at")
        return made if obj is None else (*made, *SHOWN)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("user", *SHOWN)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # A token acts as its user: who is no superuser must not make themselves one that does.
        if db_field.name == "user" and not request.user.is_superuser:
            kwargs["queryset"] = User.objects.filter(is_superuser=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            once.keep(request, obj.__dict__.pop("text_shown_once"))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        back = reverse("admin:access_usertoken_changelist")
        return once.page(request, admin=self, row=obj, what="user token", back=back)
