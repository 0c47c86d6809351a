"""/audit/changes: the feed, its filters, a revision, an object's timeline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from access import services as access_services
from audit import history
from audit.models import ChangeSet
from tests.audit.asking import Role, made
from tests.audit.conftest import SECRET

pytestmark = pytest.mark.django_db
SHAPE = {"revision", "actor", "origin", "reason", "request_id", "ip", "user_agent", "created_at", "reverts", "changes"}


def revisions(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.json()
    return [row["revision"] for row in answer.json()["results"]]


@pytest.mark.parametrize("path", ["/audit/changes", "/audit/changes/"])
def test_the_feed_is_newest_first_and_in_pages(api: APIClient, configured: int, path: str) -> None:
    answer = api.get(path).json()
    assert set(answer) == {"count", "next", "previous", "results"}
    assert [row["revision"] for row in answer["results"]] == list(range(configured, 0, -1))
    assert revisions(api.get(path, {"page_size": 1, "page": 2})) == [configured - 1]
    assert revisions(api.get(path, {"ordering": "revision"})) == list(range(1, configured + 1))


def test_a_change_set_has_the_fields_of_the_contract(api: APIClient, configured: int) -> None:
    made(
        api.patch(
            "/providers/openai",
            {"display_name": "Other", "models": [{"model_id": "o1", "weight": 3}], "reason": "a test"},
            headers={"x-request-id": "r-1", "user-agent": "tests"},
            REMOTE_ADDR="10.1.2.3",
        )
    )
    answer = api.get(f"/audit/changes/{history.revision()}")
    row = answer.json()
    assert set(row) == SHAPE
    assert answer.headers["ETag"] == f'"{history.revision()}"'
    assert (row["actor"], row["origin"], row["reason"]) == ("root", "rest", "a test")
    assert (row["request_id"], row["ip"], row["user_agent"]) == ("r-1", "10.1.2.3", "tests")
    assert row["changes"] == [
        {"object": "model:openai/o1", "kind": "model", "action": "update", "fields": {"weight": {"old": 1, "new": 3}}},
        {
            "object": "provider:openai",
            "kind": "provider",
            "action": "update",
            "fields": {"display_name": {"old": "OpenAI", "new": "Other"}},
        },
    ]
    assert api.get("/audit/changes").json()["results"][0] == row


def test_a_secret_is_told_as_its_fingerprint(api: APIClient, configured: int) -> None:
    text = api.get("/audit/changes").content.decode()
    assert SECRET not in text
    (change,) = api.get("/audit/changes", {"kind": "api_key"}).json()["results"]
    (key,) = [part for part in change["changes"] if part["kind"] == "api_key"]
    assert key["fields"]["fingerprint"]["new"] and key["fields"]["last4"] == {"old": None, "new": "WXYZ"}


@pytest.mark.parametrize("revision", [0, 999, 10**30])
def test_an_unknown_revision_is_404(api: APIClient, configured: int, revision: int) -> None:
    assert api.get(f"/audit/changes/{revision}").status_code == 404


def test_filters(api: APIClient, configured: int) -> None:
    with history.change_set(origin="command", actor="nightly", reason="Clean up", request_id="r-77"):
        access_services.create_project(slug="archive")
    last = history.revision()
    for query, expected in (
        ({"object": "project:archive"}, [last]),
        ({"object": "model:openai/gpt-4o"}, [1]),
        ({"object": "model:openai/gpt"}, []),
        ({"object": "strange:thing"}, []),
        ({"kind": "project"}, [last, configured]),
        ({"kind": "strange"}, []),
        ({"actor": "nightly"}, [last]),
        ({"origin": "command"}, [last]),
        ({"origin": "command", "actor": "root"}, []),
        ({"search": "clean"}, [last]),
        ({"search": "R-77"}, [last]),
        ({"search": "NIGHTLY"}, [last]),
        ({"search": "Route:Fast"}, [configured - 1]),
        ({"search": "nowhere"}, []),
    ):
        assert revisions(api.get("/audit/changes", query)) == expected, query


def test_the_filters_of_time(api: APIClient, configured: int) -> None:
    for row in ChangeSet.objects.all():
        ChangeSet.objects.filter(pk=row.pk).update(created_at=row.created_at + timedelta(days=row.pk))
    at = ChangeSet.objects.get(pk=configured).created_at
    assert revisions(api.get("/audit/changes", {"since": at.isoformat()})) == [configured]
    assert revisions(api.get("/audit/changes", {"until": at.isoformat()})) == list(range(configured - 1, 0, -1))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"origin": "strange"}, "origin"),
        ({"since": "yesterday"}, "since"),
        ({"ordering": "actor"}, "ordering"),
    ],
)
def test_what_is_not_known_is_400(api: APIClient, query: dict[str, str], field: str) -> None:
    answer = api.get("/audit/changes", query)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_who_may_read(role: Role, configured: int) -> None:
    assert APIClient().get("/audit/changes").status_code == 401
    for path in ("/audit/changes", f"/audit/changes/{configured}", "/audit/diff?from=0", "/audit/config"):
        assert role("").get(path).status_code == 403, path
        assert role("viewer").get(path).status_code == 200, path
    assert role("admin").put(f"/audit/changes/{configured}", {}).status_code in (403, 405)
    assert role("admin").delete(f"/audit/changes/{configured}").status_code in (403, 405)


def test_only_what_one_may_see_is_told(role: Role, configured: int) -> None:
    holder = get_user_model().objects.create_user("holder")
    with history.change_set(reason="both"):
        access_services.create_token(user=holder, name="hidden")
        access_services.create_project(slug="shown")
    both = history.revision()
    access_services.create_token(user=holder, name="hidden too")
    hidden = history.revision()
    viewer, admin = role("viewer"), role("admin")
    assert hidden not in revisions(viewer.get("/audit/changes"))
    assert hidden in revisions(admin.get("/audit/changes"))
    assert viewer.get(f"/audit/changes/{hidden}").status_code == 404
    assert [row["kind"] for row in viewer.get(f"/audit/changes/{both}").json()["changes"]] == ["project"]
    assert {row["kind"] for row in admin.get(f"/audit/changes/{both}").json()["changes"]} == {"project", "token"}
    assert revisions(viewer.get("/audit/changes", {"kind": "token"})) == []
    assert revisions(viewer.get("/audit/changes", {"search": "token:"})) == []
    assert "token:" not in viewer.get("/audit/diff", {"from": 0}).content.decode()


def test_a_user_of_some_providers_sees_only_their_changes(api: APIClient, role: Role, configured: int) -> None:
    made(api.post("/providers", {"provider_id": "other", "provider_type": "echo"}))
    other = history.revision()
    viewer = role("viewer")
    access_services.create_grant(user=viewer.handler._force_user, provider="other")
    seen = revisions(viewer.get("/audit/changes"))
    assert other in seen and 1 not in seen
    assert viewer.get("/audit/changes/1").status_code == 404
    assert "provider:openai" not in viewer.get("/audit/diff", {"from": 0}).content.decode()
    assert "openai" not in viewer.get("/audit/config").content.decode()


def test_a_page_costs_a_fixed_number_of_queries(
    api: APIClient, configured: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        made(api.patch("/routes/fast", {"description": f"number {number}"}))
    with django_assert_max_num_queries(40) as told:
        answer = api.get("/audit/changes").json()
    assert answer["count"] == configured + 20
    assert isinstance(told, CaptureQueriesContext)


def test_a_deleted_object_keeps_its_timeline(api: APIClient, configured: int) -> None:
    made(api.patch("/projects/search", {"name": "New"}))
    assert api.delete("/projects/search").status_code == 204
    made(api.post("/projects", {"slug": "search"}))
    answer = api.get("/audit/changes", {"object": "project:search"}).json()["results"]
    assert [row["changes"][0]["action"] for row in answer] == ["create", "delete", "update", "create"]
