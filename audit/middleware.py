"""Names the source of changes that a web request makes."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from audit import source


class SourceMiddleware:
    """Origin, actor, address and request id of a request; REST authentication refines origin and actor later."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user if request.user.is_authenticated else None
        request_id = _label(request.headers.get("x-request-id", ""))
        with source.use(
            origin="admin",
            actor=user.get_username() if user else "",
            user=user,
            request_id=request_id,
            ip=client_address(request),
            user_agent=request.headers.get("user-agent", "")[:300],
        ):
            response = self.get_response(request)
        response.headers.setdefault("x-request-id", request_id)
        return response


def client_address(request: HttpRequest) -> str | None:
    """The peer's address; X-Forwarded-For counts only where the peer is a trusted proxy."""
    peer = request.META.get("REMOTE_ADDR") or None
    forwarded = request.headers.get("x-forwarded-for", "")
    if not forwarded or not _trusted(peer):
        return peer if _is_address(peer) else None
    for hop in reversed([part.strip() for part in forwarded.split(",")]):
        if not _is_address(hop):
            return peer if _is_address(peer) else None
        if not _trusted(hop):
            return hop
    return peer if _is_address(peer) else None


def _label(value: str) -> str:
    if 1 <= len(value) <= 128 and value.isascii() and value.isprintable() and " " not in value:
        return value
    return uuid.uuid4().hex


def _is_address(text: str | None) -> bool:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True


def _trusted(peer: str | None) -> bool:
    if not _is_address(peer):
        return False
    return any(ipaddress.ip_address(peer or "") in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)
