from __future__ import annotations

import pytest

from access import services
from access.models import Project, ProjectKey
from audit import history

pytestmark = pytest.mark.django_db


def test_a_project_from_birth_to_end(api):
    body = {"slug": "search", "name": "Search", "owner": "Ann", "tags": {"team": "x"}, "accept_tasks": True}
    made = api.post("/projects", body, format="json")
    assert made.status_code == 201
    assert made.json() | body == made.json()
    assert made.json()["allowed_models"] == ["*"]
    changed = api.put("/projects/search", {"name": "Find"}, format="json")
    assert changed.status_code == 200 and changed.json()["owner"] == "Ann"
    assert api.patch("/projects/search/", {"enabled": False}, format="json").json()["enabled"] is False
    assert api.delete("/projects/search").status_code == 204
    assert api.get("/projects/search").status_code == 404


@pytest.mark.parametrize(
    "path", ["/projects", "/projects/", "/projects/my.team", "/projects/my.team/", "/projects/my.team/keys/"]
)
def test_paths_work_with_and_without_a_slash(api, path):
    services.create_project(slug="my.team")
    assert api.get(path).status_code == 200


def test_get_then_put_changes_nothing_and_makes_no_revision(api, project):
    services.create_key(project=project, name="a")
    before = history.revision()
    for path in ("/projects/search", f"/projects/search/keys/{ProjectKey.objects.get().key_id}"):
        answer = api.get(path).json()
        again = api.put(path, answer, format="json")
        assert again.status_code == 200, again.json()
        assert again.json() == answer
    assert history.revision() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "slug"),
        ({"slug": "No Slug"}, "slug"),
        ({"slug": 7}, "slug"),
        ({"slug": "a", "colour": "red"}, "colour"),
        ({"slug": "a", "allowed_models": "x"}, "allowed_models"),
        ({"slug": "a", "tags": {"x": 1}}, "tags"),
        ({"slug": "a", "tags": None}, "tags"),
        ({"slug": "a", "default_route": "nowhere"}, "default_route"),
        ({"slug": "a", "environment": "moon"}, "environment"),
        ({"slug": "a", "enabled": "perhaps"}, "enabled"),
        ({"slug": "a", "name": "\x00"}, "name"),
    ],
)
def test_bad_bodies_are_400_by_field(api, body, field):
    answer = api.post("/projects", body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Project.objects.exists()


@pytest.mark.parametrize("body", ["[]", "1", "{", '"x"', ""])
def test_what_is_no_object_is_400(api, body):
    assert api.post("/projects", body, content_type="application/json").status_code == 400


def test_duplicates_are_409_by_field(api, project):
    services.create_key(project=project, name="a")
    taken = api.post("/projects", {"slug": "search"}, format="json")
    assert taken.status_code == 409 and list(taken.json()) == ["slug"]
    taken = api.post("/projects/search/keys", {"name": "a"}, format="json")
    assert taken.status_code == 409 and list(taken.json()) == ["name"]


def test_the_value_of_a_key_is_shown_once(api, project):
    made = api.post("/projects/search/keys", {"name": "laptop", "expires_at": "2999-01-01T00:00:00Z"}, format="json")
    assert made.status_code == 201 and made.headers["cache-control"] == "no-store"
    answer = made.json()
    assert answer["key"].startswith("gw-")
    assert {"key_id", "name", "prefix", "last4", "enabled", "expires_at", "created_at"} <= set(answer)
    path = f"/projects/search/keys/{answer['key_id']}"
    for text in (api.get(path).content, api.get("/projects/search/keys").content, api.get("/projects").content):
        assert answer["key"].encode() not in text
    assert "key" not in api.get(path).json()


def test_delete_revokes_a_key(api, project):
    made = api.post("/projects/search/keys", {"name": "laptop"}, format="json").json()
    path = f"/projects/search/keys/{made['key_id']}"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404 and api.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a", "expires_at": "yesterday"}, "expires_at"),
        ({"name": "a", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "a", "key": "gw-mine"}, "key"),
        ({"name": "a", "key_id": "mine"}, "key_id"),
        ({"name": "a", "allowed_models": [3]}, "allowed_models"),
    ],
)
def test_bad_keys_are_400_by_field(api, project, body, field):
    answer = api.post("/projects/search/keys", body, format="json")
    assert answer.status_code == 400 and list(answer.json()) == [field]


def test_a_key_belongs_to_its_project_only(api, project):
    key, _ = services.create_key(project=project, name="a")
    services.create_project(slug="other")
    assert api.get(f"/projects/other/keys/{key.key_id}").status_code == 404
    for method in (api.get, api.post):
        assert method("/projects/nowhere/keys", {"name": "a"}, format="json").status_code == 404


@pytest.mark.parametrize("path", ["/projects/%00", "/projects/%00/keys", "/projects/search/keys/%00", "/projects/%FF"])
def test_names_that_cannot_be_are_not_found(api, project, path):
    assert api.get(path).status_code == 404


def test_natural_keys_never_change(api, project):
    key, _ = services.create_key(project=project, name="a")
    assert api.put("/projects/search", {"slug": "find"}, format="json").status_code == 400
    assert api.put(f"/projects/search/keys/{key.key_id}", {"key_id": "mine"}, format="json").status_code == 400


def test_lists_have_pages_search_order_and_filters(api):
    for number in range(3):
        services.create_project(slug=f"p{number}", owner="Ann" if number else "Bob", enabled=bool(number))
    listed = api.get("/projects?page_size=2&ordering=-slug").json()
    assert set(listed) == {"count", "next", "previous", "results"}
    assert listed["count"] == 3 and [row["slug"] for row in listed["results"]] == ["p2", "p1"]
    assert api.get("/projects?search=bob").json()["count"] == 1
    assert api.get("/projects?enabled=false").json()["count"] == 1
    for unknown in ("colour=red", "ordering=colour", "ordering=slug,colour"):
        assert api.get(f"/projects?{unknown}").status_code == 400
