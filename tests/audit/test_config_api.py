"""/audit/config and /audit/diff: the whole configuration at any revision or time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from rest_framework.test import APIClient

from audit import history, state
from audit.models import ChangeSet
from providers.models import ApiKey
from tests.audit.asking import made
from tests.audit.conftest import SECRET

pytestmark = pytest.mark.django_db


def config(api: APIClient, **query: object) -> bytes:
    answer = api.get("/audit/config", query)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"].startswith("application/yaml")
    return bytes(answer.content)


def test_the_configuration_of_now_is_the_export(api: APIClient, configured: int) -> None:
    exported = api.get("/config/export").content
    assert config(api) == config(api, revision=configured) == exported
    document = yaml.safe_load(exported)
    assert document["version"] == 1
    assert list(document["providers"]) == ["openai"] and list(document["routes"]) == ["fast"]
    assert SECRET.encode() not in exported


def test_an_old_revision_stays_as_it_was(api: APIClient, configured: int) -> None:
    before = config(api)
    made(api.patch("/providers/openai", {"display_name": "Other", "models": [{"model_id": "new"}]}))
    assert api.delete("/projects/search").status_code == 204
    assert config(api) != before
    assert config(api, revision=configured) == before
    assert api.get("/audit/config/", {"revision": configured}).headers["ETag"] == f'"{configured}"'


def test_a_new_secret_does_not_shine_through(api: APIClient, configured: int) -> None:
    before = config(api)
    key = ApiKey.objects.get()
    made(api.patch(f"/providers/openai/api-keys/{key.key_id}", {"key_value": "sk-another-0123456789abcdefghijkl"}))
    assert config(api, revision=configured) == before != config(api)


def test_revision_0_is_empty(api: APIClient, configured: int) -> None:
    document = yaml.safe_load(config(api, revision=0))
    assert document == {"version": 1, "providers": {}, "routes": {}, "projects": {}}


def test_a_time_finds_its_revision(api: APIClient, configured: int) -> None:
    start = datetime(2031, 5, 17, tzinfo=UTC)
    for row in ChangeSet.objects.all():
        ChangeSet.objects.filter(pk=row.pk).update(created_at=start + timedelta(days=row.pk))
    for as_of, revision in (
        (start, 0),
        (start + timedelta(days=1), 1),
        (start + timedelta(days=2, hours=23), 2),
        (start + timedelta(days=900), configured),
    ):
        assert config(api, as_of=as_of.isoformat()) == config(api, revision=revision), as_of
    assert config(api, as_of="2031-05-18") == config(api, revision=1)
    answer = api.get("/audit/diff", {"from": "2031-05-18T00:00:00Z", "to": "2031-05-19T00:00:00"}).json()
    assert (answer["from"], answer["to"]) == (1, 2)
    assert api.get("/audit/config?as_of=2031-05-18T00:00:00+00:00").status_code == 200  # the plus sign is a space


@pytest.mark.parametrize("path", ["/audit/config?revision=999", f"/audit/config?revision={10**40}"])
def test_an_unknown_revision_is_404(api: APIClient, configured: int, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404
    assert b"detail" in answer.content


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/audit/config?revision=new", "revision"),
        ("/audit/config?revision=-1", "revision"),
        ("/audit/config?as_of=yesterday", "as_of"),
        ("/audit/config?as_of=2031-13-45", "as_of"),
        ("/audit/config?revision=1&as_of=2031-01-01", "as_of"),
        ("/audit/config?colour=red", "colour"),
        ("/audit/diff", "from"),
        ("/audit/diff?from=new", "from"),
        ("/audit/diff?from=1&to=new", "to"),
        ("/audit/diff?from=1&until=2", "until"),
    ],
)
def test_what_is_not_known_is_400(api: APIClient, configured: int, path: str, field: str) -> None:
    answer = api.get(path, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@pytest.mark.parametrize("path", ["/audit/diff", "/audit/diff/"])
def test_the_difference_of_two_revisions(api: APIClient, configured: int, path: str) -> None:
    made(api.patch("/routes/fast", {"description": "quick"}))
    made(api.patch("/routes/fast", {"description": "quicker"}))
    assert api.delete("/projects/search").status_code == 204
    answer = api.get(path, {"from": configured, "to": history.revision()}).json()
    assert set(answer) == {"from", "to", "changes"}
    assert [(change["object"], change["action"]) for change in answer["changes"]] == [
        ("project:search", "delete"),
        ("route:fast", "update"),
    ]
    assert answer["changes"][1]["fields"] == {"description": {"old": "", "new": "quicker"}}
    assert api.get(path, {"from": configured}).json() == answer  # the newest where `to` is left out
    backwards = api.get(path, {"from": history.revision(), "to": configured}).json()["changes"]
    assert [change["action"] for change in backwards] == ["create", "update"]
    assert api.get(path, {"from": 5, "to": 5}).json()["changes"] == []
    assert api.get(path, {"from": 0, "to": 999}).status_code == 404


def test_a_state_is_what_the_tables_hold(api: APIClient, configured: int) -> None:
    found = state.at()
    assert {name.partition(":")[0] for name in found} == {
        "provider",
        "model",
        "api_key",
        "parameter",
        "route",
        "project",
    }
    assert found["model:openai/gpt-4o"]["max_tokens"] == 100
    assert state.at(configured) == found
    assert state.at(0) == {}
