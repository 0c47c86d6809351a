"""Users and groups: Django's own pages in the looks of the rest."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audit.admin_base import change_set_of
from providers.admin.badges import badge

admin.site.unregister(User)
admin.site.unregister(Group)
ONLY_FOR_SUPERUSERS = ("is_superuser",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """What a user may do, the groups say.

    Who is no superuser can neither make one nor change one: the rights to manage users would else be all rights.
    """

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "shown_state", "is_superuser", "in_groups", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    readonly_fields = ("last_login", "date_joined")
    compressed_fields = False
    autocomplete_fields = ("groups",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": (("username", "email"), "password", ("first_name", "last_name"))}),
        ("Rights", {"fields": (("is_active", "is_staff", "is_superuser"), "groups")}),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = tuple(super().get_readonly_fields(request, obj))
        return shown if request.user.is_superuser else (*shown, *ONLY_FOR_SUPERUSERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        reachable = queryset if request.user.is_superuser else queryset.filter(is_superuser=False)
        reachable.delete()

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with change_set_of(request):  # the user's tokens are tracked, and go along
            return super().delete_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with change_set_of(request):
            return super().changelist_view(request, *args, **kwargs)

    @display(description="State", ordering="is_active")
    def shown_state(self, user: User) -> str:
        return badge("active" if user.is_active else "disabled")

    @display(description="Groups")
    def in_groups(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    compressed_fields = False


def _may_touch(request: HttpRequest, obj: Any) -> bool:
    return obj is None or request.user.is_superuser or not obj.is_superuser
