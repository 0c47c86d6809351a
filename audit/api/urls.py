"""Paths of the management API about calls, health and the audit log, with and without a slash at the end."""

from __future__ import annotations

from django.urls import re_path

from audit.api.calls import CallDetail, CallList
from audit.api.changes import ChangeSetDetail, ChangeSetList, Difference
from audit.api.configuration import Configuration
from audit.api.health import BreakerList, HealthEventList, IncidentDetail, IncidentList
from audit.api.reverts import RevertChangeSet, RevertTo

urlpatterns = [
    re_path(r"^audit/changes/?$", ChangeSetList.as_view(), name="changes"),
    re_path(r"^audit/changes/(?P<revision>[0-9]+)/?$", ChangeSetDetail.as_view(), name="change"),
    re_path(r"^audit/changes/(?P<revision>[0-9]+)/revert/?$", RevertChangeSet.as_view(), name="change-revert"),
    re_path(r"^audit/revert/?$", RevertTo.as_view(), name="revert"),
    re_path(r"^audit/diff/?$", Difference.as_view(), name="diff"),
    re_path(r"^audit/config/?$", Configuration.as_view(), name="config-as-of"),
    re_path(r"^health-events/?$", HealthEventList.as_view(), name="health-events"),
    re_path(r"^incidents/?$", IncidentList.as_view(), name="incidents"),
    re_path(r"^incidents/(?P<id>[0-9]+)/?$", IncidentDetail.as_view(), name="incident"),
    re_path(r"^breakers/?$", BreakerList.as_view(), name="breakers"),
    re_path(r"^calls/?$", CallList.as_view(), name="calls"),
    # A request id is a caller's label and may hold a slash.
    re_path(r"^calls/(?P<name>.+?)/?$", CallDetail.as_view(), name="call"),
]
