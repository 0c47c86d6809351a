"""/calls and /calls/{call_id or request_id}, as the contract has them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from audit import calls
from audit.models import Call
from llm.observe import call_id as call_ids
from llm.observe.record import CallRecord
from llm.observe.trace import TraceStep
from tests.support import made_calls

pytestmark = pytest.mark.django_db
START = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)
FIELDS = {
    "call_id",
    "request_id",
    "project",
    "key",
    "end_user",
    "tags",
    "endpoint",
    "requested_model",
    "provider",
    "provider_key",
    "model",
    "route",
    "revision",
    "status",
    "http_status",
    "error_code",
    "attempts",
    "stream",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "usage_estimated",
    "cost_nano_usd",
    "latency_ms",
    "time_to_first_token_ms",
    "overhead_ms",
    "created_at",
    "trace",
}


def a_call(number: int = 0, **fields: Any) -> Call:
    made_at = START + timedelta(minutes=number)
    record = CallRecord(
        call_id=call_ids.new(now_ns=lambda: int(made_at.timestamp() * 1e9)),
        created_at=made_at.timestamp(),
        **{
            "request_id": f"request-{number}",
            "endpoint": "chat/completions",
            "status": "succeeded",
            "http_status": 200,
            "latency_ms": 100.0 - number,
            "tags": {"team": "a"},
            **fields,
        },
    )
    call = calls.row(record)
    call.save(force_insert=True)
    return call


def client_of(*permissions: str) -> APIClient:
    user = get_user_model().objects.create_user(f"user-{uuid.uuid4().hex[:8]}")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def client() -> APIClient:
    return client_of("view_call")


def test_a_call_has_the_fields_of_the_contract(client: APIClient) -> None:
    call = a_call(project="p", status="failed", http_status=502, error_code="upstream_error")
    answer = client.get(f"/calls/{call.call_id}").json()
    assert set(answer) == FIELDS
    assert answer["call_id"] == str(call.call_id)
    assert (answer["cost_nano_usd"], answer["trace"], answer["tags"]) == (None, [], {"team": "a"})
    assert (answer["status"], answer["error_code"]) == ("failed", "upstream_error")
    assert answer["created_at"] == "2031-05-17T12:00:00Z"


def test_a_call_tells_how_it_was_decided_in_the_list_too(client: APIClient) -> None:
    a_call(trace=made_calls.plain_trace(first_token_ms=12.5))
    (listed,) = client.get("/calls").json()["results"]
    assert listed["trace"] == client.get("/calls/request-0").json()["trace"]
    plan, attempt = listed["trace"]
    assert (plan["event"], plan["candidates"], plan["duration_ms"], plan["model"]) == (
        "plan",
        ["openai/gpt-4o"],
        None,
        "",
    )
    assert attempt == {
        "event": "attempt", "at_ms": 0.3, "duration_ms": 99.5, "model": "openai/gpt-4o", "key": "main",
        "role": "target", "reason": "", "candidates": [], "outcome": "succeeded", "error": "", "phase": "",
        "retry_after_seconds": None, "first_token_ms": 12.5, "input_tokens": 0, "output_tokens": 0,
        "cost_nano_usd": None,
    }  # fmt: skip


def test_the_schema_describes_every_field_of_a_step() -> None:
    schema: Any = SchemaGenerator().get_schema(request=None, public=True)
    shapes = schema["components"]["schemas"]
    described = shapes["TraceStep"]["properties"]
    assert list(described) == list(TraceStep.__struct_fields__)
    assert all(field.get("description") for field in described.values())
    assert shapes["Call"]["properties"]["trace"]["items"] == {"$ref": "#/components/schemas/TraceStep"}


@pytest.mark.parametrize("path", ["/calls", "/calls/", "/calls?page=1"])
def test_the_list_is_newest_first_and_in_pages(client: APIClient, path: str) -> None:
    for number in range(3):
        a_call(number)
    answer = client.get(path).json()
    assert {"count", "next", "previous", "results"} == set(answer)
    assert [call["request_id"] for call in answer["results"]] == ["request-2", "request-1", "request-0"]
    page = client.get("/calls", {"page_size": 2, "page": 2}).json()
    assert [call["request_id"] for call in page["results"]] == ["request-0"]


def test_a_request_id_finds_its_newest_call(client: APIClient) -> None:
    a_call(1, request_id="batch/7")
    newest = a_call(2, request_id="batch/7")
    for path in ("/calls/batch/7", "/calls/batch/7/", "/calls/batch%2F7"):
        assert client.get(path).json()["call_id"] == str(newest.call_id), path


def test_a_request_id_may_look_like_a_call_id(client: APIClient) -> None:
    label = call_ids.new()
    call = a_call(request_id=label)
    assert client.get(f"/calls/{label}").json()["call_id"] == str(call.call_id)


@pytest.mark.parametrize("name", ["nothing", "019a8c5e-0c1f-7d4e-9b1a-3f2c5d6e7f80", "%00", "0" * 500])
def test_an_unknown_call_is_404(client: APIClient, name: str) -> None:
    assert client.get(f"/calls/{name}").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"project": "p1"}, {"request-1"}),
        ({"key": "k1"}, {"request-1"}),
        ({"provider": "openai"}, {"request-1", "request-2"}),
        ({"model": "gpt"}, {"request-2"}),
        ({"route": "fast"}, {"request-1"}),
        ({"status": "failed"}, {"request-2"}),
        ({"endpoint": "messages"}, {"request-0"}),
        ({"error_code": "upstream_error"}, {"request-2"}),
        ({"request_id": "request-0"}, {"request-0"}),
        ({"since": "2031-05-17T12:01:00Z"}, {"request-1", "request-2"}),
        ({"until": "2031-05-17T12:01:00Z"}, {"request-0"}),
        ({"since": "2031-05-17"}, {"request-0", "request-1", "request-2"}),
        ({"search": "UPSTREAM"}, {"request-2"}),
        ({"provider": "openai", "status": "succeeded"}, {"request-1"}),
        ({"project": "nobody"}, set()),
    ],
)
def test_filters(client: APIClient, query: dict[str, str], expected: set[str]) -> None:
    a_call(0, endpoint="messages")
    a_call(1, project="p1", key="k1", provider="openai", model="o1", route="fast")
    a_call(2, provider="openai", model="gpt", status="failed", error_code="upstream_error")
    answer = client.get("/calls", query)
    assert answer.status_code == 200, answer.json()
    assert {call["request_id"] for call in answer.json()["results"]} == expected


def test_search_finds_a_call_id(client: APIClient) -> None:
    a_call(0)
    call = a_call(1)
    (found,) = client.get("/calls", {"search": str(call.call_id)}).json()["results"]
    assert found["call_id"] == str(call.call_id)


def test_ordering(client: APIClient) -> None:
    for number in range(3):
        a_call(number)
    answer = client.get("/calls", {"ordering": "latency_ms"}).json()
    assert [call["latency_ms"] for call in answer["results"]] == [98.0, 99.0, 100.0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"status": "strange"}, "status"),
        ({"since": "yesterday"}, "since"),
        ({"ordering": "tags"}, "ordering"),
        ({"ordering": "-password"}, "ordering"),
    ],
)
def test_what_is_not_known_is_400(client: APIClient, query: dict[str, str], field: str) -> None:
    answer = client.get("/calls", query)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_rights(client: APIClient) -> None:
    call = a_call()
    assert APIClient().get("/calls").status_code == 401
    assert client_of().get("/calls").status_code == 403
    assert client_of().get(f"/calls/{call.call_id}").status_code == 403
    assert client.delete(f"/calls/{call.call_id}").status_code in (403, 405)
    assert client.post("/calls", {}, format="json").status_code in (403, 405)
