"""Failed logins, as django-axes keeps them: to delete a row is to unlock."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

SHOWN = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ModelAdmin):
    list_display = SHOWN[:4]
    search_fields = ("username", "ip_address")
    fields = SHOWN
    readonly_fields = SHOWN

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
