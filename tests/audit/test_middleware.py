"""Who a web request comes from: X-Forwarded-For counts only behind a trusted proxy."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from audit import source
from audit.middleware import SourceMiddleware, client_address


class Anonymous:
    is_authenticated = False


class Operator:
    is_authenticated = True

    def get_username(self) -> str:
        return "operator"


def a_request(peer: str = "203.0.113.9", **headers: str) -> HttpRequest:
    return RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # the peer is no proxy of ours
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "192.0.2.66, 198.51.100.1, 10.9.9.9", "198.51.100.1"),  # the last one that is not ours
        ("10.1.2.3", "10.4.4.4", "10.1.2.3"),
        ("10.1.2.3", "<script>", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1, nonsense", "10.1.2.3"),
        ("", "198.51.100.1", None),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_address(settings: Any, peer: str, forwarded: str, expected: str | None) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "fd00::/8"]
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert client_address(a_request(peer, **headers)) == expected


def test_a_request_names_the_source_of_its_changes() -> None:
    seen: list[source.Source] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(source.current())
        return HttpResponse()

    request = a_request(**{"x-request-id": "label-1", "user-agent": "curl/8"})
    request.user = Operator()
    response = SourceMiddleware(view)(request)
    (found,) = seen
    assert (found.actor, found.origin, found.request_id, found.ip, found.user_agent) == (
        "operator",
        "admin",
        "label-1",
        "203.0.113.9",
        "curl/8",
    )
    assert response.headers["x-request-id"] == "label-1"
    assert source.current() == source.Source()


@pytest.mark.parametrize("label", ["", "two words", "x" * 129, "né"])
def test_a_label_that_is_none_is_replaced(label: str) -> None:
    request = a_request(**({"x-request-id": label} if label else {}))
    request.user = Anonymous()
    answered = SourceMiddleware(lambda _: HttpResponse())(request).headers["x-request-id"]
    assert answered != label
    assert answered.isalnum()
