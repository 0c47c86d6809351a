"""How the admin looks (django-unfold)."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _link(title: str, icon: str, name: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}")}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "LLM Gateway",
    "SITE_HEADER": "LLM Gateway",
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("gateway_project/icon.svg")}
    ],
    "SITE_URL": None,  # there is no other site to go back to
    "STYLES": [lambda request: static("gateway_project/pages.css")],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "gateway_project.admin_site.dashboard.callback",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "",
                "items": [
                    _link("Dashboard", "monitoring", "index"),
                    {
                        "title": "Playground",
                        "icon": "forum",
                        "link": reverse_lazy("playground"),
                        "permission": "gateway_project.admin_site.playground.permitted",
                    },
                ],
            },
            {
                "title": "Providers",
                "items": [
                    _link("Providers", "dns", "providers_provider_changelist"),
                    _link("Price proposals", "sell", "providers_priceproposal_changelist"),
                ],
            },
            {"title": "Routing", "items": [_link("Routes", "alt_route", "providers_route_changelist")]},
            {"title": "Callers", "items": [_link("Projects", "folder_shared", "access_project_changelist")]},
            {
                "title": "Health",
                "items": [
                    {
                        "title": "Health",
                        "icon": "monitor_heart",
                        "link": reverse_lazy("health"),
                        "permission": "gateway_project.admin_site.health.permitted",
                    },
                    _link("Incidents", "emergency_home", "audit_incident_changelist"),
                    _link("Changes of state", "swap_vert", "audit_healthevent_changelist"),
                ],
            },
            {"title": "Calls", "items": [_link("Calls", "receipt_long", "audit_call_changelist")]},
            {"title": "Audit", "items": [_link("Change sets", "history", "audit_changeset_changelist")]},
            {
                "title": "Users",
                "items": [
                    _link("Users", "person", "auth_user_changelist"),
                    _link("Groups", "group", "auth_group_changelist"),
                    _link("Tokens", "key", "access_usertoken_changelist"),
                    _link("Provider grants", "lock_person", "access_providergrant_changelist"),
                    _link("Failed logins", "lock_clock", "axes_accessattempt_changelist"),
                ],
            },
        ],
    },
}
