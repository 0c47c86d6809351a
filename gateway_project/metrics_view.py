"""GET /metrics: for Prometheus on this machine, or anywhere with LLM_GATEWAY_METRICS_TOKEN."""

from __future__ import annotations

import hmac
import ipaddress
import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from audit import ingest
from audit.middleware import client_address
from gateway_project import metrics, metrics_text, wiring


@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """Without a token set, loopback only; with one, it is always wanted."""
    token = settings.METRICS_TOKEN
    if token and not _shows(request, token):
        message = "Send 'Authorization: Bearer' with the token of LLM_GATEWAY_METRICS_TOKEN."
        return JsonResponse({"detail": message}, status=401, headers={"www-authenticate": "Bearer"})
    if not token and not _is_local(request):
        message = "Only this machine may read the metrics; set LLM_GATEWAY_METRICS_TOKEN for others."
        return JsonResponse({"detail": message}, status=403)
    found = metrics.totals(metrics.directory())
    text = metrics_text.render(found, now=time.time(), spool_records=ingest.waiting(wiring.spool_directory()))
    return HttpResponse(text, content_type=metrics_text.CONTENT_TYPE, headers={"cache-control": "no-store"})


def _shows(request: HttpRequest, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _is_local(request: HttpRequest) -> bool:
    """A request that a proxy on this machine hands on comes from loopback too: its caller is not known to be local,
    unless the proxy is a trusted one."""
    found = client_address(request)
    if found is None:
        return False
    address = ipaddress.ip_address(found)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if not (mapped or address).is_loopback:
        return False
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return not forwarded or found != request.META.get("REMOTE_ADDR")
