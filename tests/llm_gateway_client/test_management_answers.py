"""What the management client makes of answers: of newer and older gateways, of errors, and of what is no gateway."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway_client import LLMGatewayError
from llm_gateway_client.management import (
    Changed,
    Conflict,
    InvalidFields,
    ManagementClient,
    ManagementError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Provider,
    Route,
    UsageDay,
)
from llm_gateway_client.management.open_shape import OpenShape, Unfit
from tests.llm_gateway_client.management_peer import TOKEN, Peer, Received, Told, served


@dataclass(slots=True)
class Inner(OpenShape):
    number: int = 0


@dataclass(slots=True)
class Outer(OpenShape):
    text: str = "none"
    share: float | None = None
    from_: datetime | None = None
    inner: Inner | None = None
    many: list[Inner] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)


def test_what_is_not_known_is_kept() -> None:
    told = {"text": "a", "inner": {"number": 1, "new": [2]}, "many": [{"number": 3, "x": None}], "newer": {"b": 1}}
    read = Outer.read(told)
    assert read == Outer(
        "a", inner=Inner(1, extra={"new": [2]}), many=[Inner(3, extra={"x": None})], extra={"newer": {"b": 1}}
    )
    assert read.to_dict() == {**told, "numbers": {}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 1),
        ("text", None),
        ("share", True),
        ("share", float("inf")),
        ("from", "yesterday"),
        ("inner", [1]),
        ("many", {"a": 1}),
        ("many", [1]),
        ("numbers", {"a": "b"}),
        ("numbers", {"a": True}),
    ],
)
def test_what_is_of_another_type_is_kept_and_the_field_has_its_default(name: str, value: Any) -> None:
    read = Outer.read({name: value})
    assert read.extra == {name: value}
    assert read == Outer(extra={name: value})


def test_what_an_older_gateway_does_not_tell_has_its_default() -> None:
    assert Provider.read({"provider_id": "p"}) == Provider("p")


def test_times_and_days() -> None:
    read = Outer.read({"from": "2031-05-17T12:00:00Z"})
    assert read.from_ == datetime(2031, 5, 17, 12, tzinfo=UTC)
    assert read.to_dict()["from"] == "2031-05-17T12:00:00+00:00"
    assert UsageDay.read({"day": "2031-05-17"}).day == date(2031, 5, 17)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["name", "targets", "policy", "enabled", "created_at", "etag", "extra", "x"]), JSON)
)
def test_nothing_that_is_told_breaks_the_reading_or_is_lost(told: dict[str, Any]) -> None:
    again = Route.read(told).to_dict()
    kept = {name: value for name, value in told.items() if name not in ("targets", "created_at") and value is not None}
    assert {name: again[name] for name in kept} == kept


@given(JSON.filter(lambda value: not isinstance(value, dict)))
def test_what_is_no_object_is_refused(told: Any) -> None:
    with pytest.raises(Unfit):
        Route.read(told)


def refused(told: Told) -> ManagementError:
    with served(lambda asked: told) as peer, ManagementClient(peer.url, TOKEN) as client:
        with pytest.raises(ManagementError) as found:
            client.providers.get_sync("p")
        assert isinstance(found.value, LLMGatewayError)
        return found.value


@pytest.mark.parametrize(
    ("status", "kind", "code", "retryable"),
    [
        (400, InvalidFields, "invalid_request", False),
        (401, NotAuthenticated, "invalid_token", False),
        (403, NotPermitted, "not_permitted", False),
        (404, NotFound, "not_found", False),
        (405, ManagementError, "invalid_request", False),
        (409, Conflict, "conflict", False),
        (412, Changed, "changed", False),
        (429, ManagementError, "rate_limit_exceeded", True),
        (500, ManagementError, "internal_error", False),
        (503, ManagementError, "unavailable", True),
        (302, ManagementError, "unexpected_answer", False),
    ],
)
def test_errors_by_status(status: int, kind: type[ManagementError], code: str, retryable: bool) -> None:
    found = refused(Told(status, {"detail": "Why."}, {"retry-after": "7", "x-request-id": "r-1"}))
    assert (type(found), found.status, found.code, found.retryable) == (kind, status, code, retryable)
    assert (found.message, found.retry_after_seconds, found.request_id) == ("Why.", 7.0, "r-1")
    assert (found.field_errors, found.body) == ({}, {"detail": "Why."})


def test_errors_of_fields_are_told_by_path() -> None:
    body = {"models": [{}, {"model_id": ["Wrong.", "Twice."]}], "non_field_errors": ["All."], "yaml": "text"}
    found = refused(Told(400, body))
    assert found.field_errors == {"models.1.model_id": ["Wrong.", "Twice."], "non_field_errors": ["All."]}
    assert found.message == "models.1.model_id: Wrong. Twice. non_field_errors: All."
    assert refused(Told(400, ["Bare."])).field_errors == {"non_field_errors": ["Bare."]}


@pytest.mark.parametrize("data", [b"<html>", b"[1]", b"null", b"", b"[" * 100_000])
def test_a_good_status_that_is_no_answer_of_the_gateway(data: bytes) -> None:
    found = refused(Told(200, data, kind="text/html"))
    assert (found.code, found.status, found.retryable) == ("unexpected_answer", 200, False)


@pytest.mark.parametrize("data", [b"<html>", b"", b"[" * 100_000])
def test_a_bad_status_without_json(data: bytes) -> None:
    found = refused(Told(502, data))
    assert (found.message, found.body) == ("The gateway answered with status 502.", None)


def test_a_list_that_is_none() -> None:
    with served(lambda asked: Told(200, {"a": 1})) as peer, ManagementClient(peer.url, TOKEN) as client:
        with pytest.raises(ManagementError) as found:
            client.providers.list_sync().collect_sync()
        assert found.value.code == "unexpected_answer"


def test_no_gateway_at_all() -> None:
    with ManagementClient("http://127.0.0.1:9", TOKEN) as client, pytest.raises(ManagementError) as found:
        client.status_sync()
    assert (found.value.code, found.value.status, found.value.retryable) == ("connection_failed", 0, True)
    assert found.value.source == "client" and TOKEN not in str(found.value)


def paged(asked: Received) -> Told:
    """Three pages at first; the last has gone by the time that it is asked for."""
    number = int(asked.query["page"])
    if number == 3:
        return Told(404, {"detail": "Invalid page."})
    return Told(200, {"count": 5, "next": "http://elsewhere/?page=9", "results": [{"name": f"r{number}"}]})


def test_a_list_that_shrinks_while_it_is_read_ends() -> None:
    with served(paged) as peer, ManagementClient(peer.url, TOKEN) as client:
        assert [route.name for route in client.routes.list_sync(enabled=True)] == ["r1", "r2"]
        assert [asked.query["enabled"] for asked in peer.requests] == ["true"] * 3
        page = client.routes.list_sync().page_sync(2)
        assert (page.number, page.count, page.is_last, len(page.results)) == (2, 5, False, 1)


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "../calls"])
def test_a_name_that_would_name_something_else_is_refused(part: str) -> None:
    with served(lambda asked: Told()) as peer, ManagementClient(peer.url, TOKEN) as client:
        with pytest.raises(ValueError, match="provider_id must not be"):
            client.providers.delete_sync(part)
        with pytest.raises(ValueError, match="name must not be"):
            client.routes.get_sync(part)
        assert peer.requests == []


def test_an_empty_tag_is_not_taken_for_none() -> None:
    with served(lambda asked: Told()) as peer, ManagementClient(peer.url, TOKEN) as client:
        listed = Provider("p")
        with pytest.raises(ValueError, match="if_match must not be empty"):
            client.providers.update_sync("p", enabled=False, if_match=listed.etag)
        assert peer.requests == []
        client.providers.update_sync("p", enabled=False)
        [asked] = peer.requests
        assert "if-match" not in asked.headers and "x-change-reason" not in asked.headers
        assert asked.json == {"enabled": False}


def asked_for(peer: Peer) -> list[str]:
    return [asked.path for asked in peer.requests]


def test_names_are_quoted() -> None:
    with served(lambda asked: Told()) as peer, ManagementClient(f"{peer.url}/v1/", TOKEN) as client:
        client.models.get_sync("p?x#y%41", "meta-llama/Llama 3:free?é")
        client.calls.get_sync("a/b c%2F")
        assert asked_for(peer) == [
            "/providers/p%3Fx%23y%2541/models/meta-llama/Llama%203%3Afree%3F%C3%A9/",
            "/calls/a/b%20c%252F/",
        ]
        with pytest.raises(ValueError, match="model_id must not be"):
            client.models.get_sync("p", "a/../../b")


def test_ready_tells_what_is_missing() -> None:
    body = {"status": "not ready", "not_ready": ["configuration"], "modes": {"redis": "on"}}
    with served(lambda asked: Told(503, body)) as peer, ManagementClient(peer.url, TOKEN) as client:
        found = client.ready_sync()
        assert (found.ready, found.not_ready, found.modes) == (False, ["configuration"], {"redis": "on"})
        with pytest.raises(ManagementError):
            client.health_sync()


@pytest.mark.parametrize("token", ["", "gw-project-key", "gwadm-with space", "gwadm-é"])
def test_a_token_that_is_none_is_refused_and_not_told(token: str) -> None:
    with pytest.raises(ValueError, match="must be a user's token") as found:
        ManagementClient("http://gateway:8000", token)
    assert not token or token not in str(found.value)
    with pytest.raises(ValueError, match="base_url"):
        ManagementClient("gateway:8000", TOKEN)
    with pytest.raises(ValueError, match="timeout_seconds"):
        ManagementClient("http://gateway:8000", TOKEN, timeout_seconds=0)
    assert TOKEN not in repr(ManagementClient("http://gateway:8000", TOKEN))


def test_it_needs_neither_django_nor_the_gateways_code() -> None:
    program = (
        "import sys, llm_gateway_client.management\n"
        "print([name for name in ('django', 'celery', 'llm', 'yaml') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
