"""ETag on what is one object, If-Match on its writes."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit import history

JSON = "json"
CHANGES: dict[str, dict[str, Any]] = {
    "/providers/openai": {"description": "new"},
    "/providers/openai/models/gpt-4o": {"display_name": "new"},
    "/providers/openai/api-keys/{key}": {"weight": 7},
    "/providers/openai/connection-params/timeout_seconds": {"param_value": 77},
    "/routes/fast": {"description": "new"},
    "/projects/team": {"name": "new"},
    "/projects/team/keys/{project_key}": {"name": "new"},
}


@pytest.fixture
def ids(api: APIClient, openai: dict[str, Any]) -> dict[str, str]:
    params = "/providers/openai/connection-params"
    api.post(params, {"param_name": "timeout_seconds", "param_value": 5}, format=JSON)
    api.post("/routes", {"name": "fast", "targets": [{"model": "openai/gpt-4o"}]}, format=JSON)
    api.post("/projects", {"slug": "team", "name": "Team"}, format=JSON)
    key = api.post("/projects/team/keys", {"name": "k"}, format=JSON)
    assert key.headers["ETag"] == f'"{history.revision()}"'
    return {"key": openai["api_keys"][0]["key_id"], "project_key": key.json()["key_id"]}


@pytest.mark.parametrize("path", CHANGES)
def test_a_write_with_the_tag_of_another_revision_is_412(api: APIClient, ids: dict[str, str], path: str) -> None:
    url = path.format(**ids)
    read = api.get(url)
    tag = read.headers["ETag"]
    assert tag == f'"{int(tag[1:-1])}"'
    changed = api.patch(url, CHANGES[path], format=JSON, headers={"If-Match": tag})
    assert (changed.status_code, changed.headers["ETag"]) == (200, f'"{history.revision()}"')
    assert changed.headers["ETag"] != tag
    before = history.revision()
    for method in (api.patch, api.put, api.delete):
        late = method(url, {}, format=JSON, headers={"If-Match": tag})
        assert (late.status_code, list(late.json())) == (412, ["detail"])
    assert history.revision() == before
    assert api.get(url).json() == changed.json()


@pytest.mark.parametrize("path", CHANGES)
def test_quotes_are_optional_and_a_star_means_that_it_exists(api: APIClient, ids: dict[str, str], path: str) -> None:
    url = path.format(**ids)
    bare = api.get(f"{url}/").headers["ETag"].strip('"')
    for given in (bare, f'"{bare}"', f'W/"{bare}"', f'"0", "{bare}"', "*"):
        answer = api.patch(url, {}, format=JSON, headers={"If-Match": given})
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{bare}"'), given
    for given in ("0", '"x"', f"{bare}0"):
        assert api.patch(url, {}, format=JSON, headers={"If-Match": given}).status_code == 412
    assert api.delete(url, headers={"If-Match": bare}).status_code in (204, 409)


def test_a_childs_change_raises_its_providers_tag_and_no_others(api: APIClient, ids: dict[str, str]) -> None:
    other = api.post("/providers", {"provider_id": "q", "provider_type": "echo"}, format=JSON)
    tag, model_tag = (api.get(url).headers["ETag"] for url in ("/providers/openai", "/providers/openai/models/gpt-4o"))
    writes = [
        lambda: api.post("/providers/openai/models", {"model_id": "m"}, format=JSON),
        lambda: api.patch("/providers/openai/models/m", {"enabled": False}, format=JSON),
        lambda: api.delete("/providers/openai/models/m"),
        lambda: api.patch(f"/providers/openai/api-keys/{ids['key']}", {"weight": 3}, format=JSON),
        lambda: api.delete("/providers/openai/connection-params/timeout_seconds"),
    ]
    for write in writes:
        assert write().status_code in (200, 201, 204)
        raised = api.get("/providers/openai").headers["ETag"]
        assert raised == f'"{history.revision()}"' != tag
        tag = raised
    assert api.get("/providers/q").headers["ETag"] == other.headers["ETag"]
    assert api.get("/providers/openai/models/gpt-4o").headers["ETag"] == model_tag


def test_a_post_that_changes_a_stored_parameter_heeds_if_match(api: APIClient, ids: dict[str, str]) -> None:
    path = "/providers/openai/connection-params"
    tag = api.get(f"{path}/timeout_seconds").headers["ETag"]
    body = {"param_name": "timeout_seconds", "param_value": 6}
    assert api.post(path, body, format=JSON, headers={"If-Match": tag}).status_code == 200
    assert api.post(path, {**body, "param_value": 7}, format=JSON, headers={"If-Match": tag}).status_code == 412
    assert api.get(f"{path}/timeout_seconds").json()["param_value"] == 6


def test_what_is_made_anew_does_not_bear_an_old_tag(api: APIClient, ids: dict[str, str]) -> None:
    old = api.get("/providers/openai/models/gpt-4o").headers["ETag"]
    api.delete("/routes/fast")
    assert api.delete("/providers/openai/models/gpt-4o").status_code == 204
    api.post("/providers/openai/models", {"model_id": "gpt-4o"}, format=JSON)
    late = api.patch("/providers/openai/models/gpt-4o", {"weight": 2}, format=JSON, headers={"If-Match": old})
    assert late.status_code == 412
