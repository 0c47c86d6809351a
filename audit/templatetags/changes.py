"""For the pages of the history: a change's fields, and how long ago something was."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.conf import settings
from django.utils import timezone

from audit import admin_fields, admin_times
from audit.diff import Change

register = template.Library()


@register.filter
def fields_of(change: Change) -> list[admin_fields.Field]:
    return admin_fields.of(change)


@register.simple_tag
def reason_required() -> bool:
    return bool(settings.REQUIRE_REASON)


@register.filter
def time_ago(moment: datetime) -> str:
    return admin_times.ago(moment, timezone.now())
