"""Paths of the management API about calls, with and without a slash at the end."""

from __future__ import annotations

from django.urls import re_path

from audit.api.calls import CallDetail, CallList

urlpatterns = [
    re_path(r"^calls/?$", CallList.as_view(), name="calls"),
    # A request id is a caller's label and may hold a slash.
    re_path(r"^calls/(?P<name>.+?)/?$", CallDetail.as_view(), name="call"),
]
