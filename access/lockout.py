"""The login's bound: after five failures of one name from one address both together wait a quarter of an hour.

By both: a stranger can neither go on guessing, nor lock somebody else out who comes from another address. The address
is the one of the audit log: X-Forwarded-For counts only where the peer is one of LLM_GATEWAY_TRUSTED_PROXIES. Tokens
are random texts of 256 bits and need no such bound.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from audit.middleware import client_address

OWN_NETWORK_V6 = 64  # one line's customer has all addresses of such a network
UNKNOWN = "0.0.0.0"


def client_ip(request: HttpRequest) -> str:
    """For django-axes: the client's address, of an IPv6 one its network."""
    address = ipaddress.ip_address(client_address(request) or UNKNOWN)
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.version == 6:
        return str(ipaddress.ip_network((address, OWN_NETWORK_V6), strict=False).network_address)
    return str(address)


def locked(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """For django-axes: the page instead of the login form, 429."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = TemplateResponse(
        request, "admin/access/locked.html", {"title": "Too many failed logins", "minutes": seconds // 60}, status=429
    )
    page.headers["Retry-After"] = str(seconds)
    return page.render()
