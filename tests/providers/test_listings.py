"""Every list of the management API: pages, search, ordering, filters; what it does not know is 400."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

JSON = "json"
LISTS = {
    "/providers": ("provider_id", "enabled=true", "provider_id"),
    "/providers/p1/models": ("model_id", "model_type=chat", "model_id"),
    "/providers/p1/api-keys": ("name", "environment=production", "name"),
    "/providers/p1/connection-params": ("param_name", "is_sensitive=false", "param_name"),
    "/models": ("model_id", "provider_id=p1", "model_id"),
    "/routes": ("name", "strategy=priority", "name"),
    "/projects": ("slug", "enabled=true", "slug"),
    "/projects/s1/keys": ("name", "enabled=true", "name"),
}


@pytest.fixture
def filled(api: APIClient) -> None:
    for number in (1, 2, 3):
        models = [{"model_id": f"m{one}"} for one in (1, 2, 3)] if number == 1 else []
        body = {"provider_id": f"p{number}", "provider_type": "openai", "models": models}
        assert api.post("/providers", body, format=JSON).status_code == 201
        key = {"name": f"k{number}", "key_value": f"sk-{number}23456789", "environment": "production"}
        assert api.post("/providers/p1/api-keys", key, format=JSON).status_code == 201
        name = ("timeout_seconds", "organization", "project")[number - 1]
        value = 5 if number == 1 else "x"
        api.post("/providers/p1/connection-params", {"param_name": name, "param_value": value}, format=JSON)
        api.post("/routes", {"name": f"r{number}", "targets": [{"model": "p1/m1"}]}, format=JSON)
        api.post("/projects", {"slug": f"s{number}", "name": f"S {number}"}, format=JSON)
        api.post("/projects/s1/keys", {"name": f"k{number}"}, format=JSON)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_pages_an_order_filters_and_a_search(api: APIClient, filled: None, path: str) -> None:
    field, kept, ordering = LISTS[path]
    whole = api.get(f"{path}/").json()
    assert set(whole) == {"count", "next", "previous", "results"}
    names = sorted(row[field] for row in whole["results"])
    assert (whole["count"], len(names)) == (3, 3)
    for order, wanted in ((ordering, names), (f"-{ordering}", names[::-1])):
        assert [row[field] for row in api.get(f"{path}?ordering={order}").json()["results"]] == wanted
    page = api.get(f"{path}?page_size=1&page=2&ordering={ordering}").json()
    assert [row[field] for row in page["results"]] == [names[1]]
    assert page["next"]
    assert page["previous"]
    assert api.get(f"{path}?page=9").status_code == 404
    assert api.get(f"{path}?{kept}").json()["count"] == 3
    assert [row[field] for row in api.get(f"{path}?search={names[0]}").json()["results"]] == [names[0]]


@pytest.mark.parametrize("path", LISTS)
def test_what_a_list_does_not_know_is_400(api: APIClient, filled: None, path: str) -> None:
    for query in ("colour=red", "ordering=colour", "ordering=-colour", "enabled=maybe"):
        answer = api.get(f"{path}?{query}")
        assert (query, answer.status_code, list(answer.json())) == (query, 400, [query.partition("=")[0]])


@pytest.mark.parametrize("model_id", ["meta-llama/Llama-3:free", "gpt-4.1"])
@pytest.mark.parametrize("safe", ["/:", ""])
@pytest.mark.parametrize("end", ["", "/"])
def test_awkward_model_ids_work_in_every_address(
    api: APIClient, filled: None, model_id: str, safe: str, end: str
) -> None:
    assert api.post(f"/providers/p1/models{end}", {"model_id": model_id}, format=JSON).status_code == 201
    path = f"/providers/p1/models/{quote(model_id, safe=safe)}{end}"
    tag = api.get(path).headers["ETag"]
    price = {"valid_from": "2026-01-01", "input": 5}
    for method, body in ((api.put, {"prices": [price]}), (api.patch, {"weight": 2})):
        answer = method(path, body, format=JSON, headers={"If-Match": tag})
        assert (answer.status_code, answer.json()["model_id"]) == (200, model_id)
        tag = answer.headers["ETag"]
    assert api.get(f"/models{end}?search={quote(model_id)}").json()["results"][0]["prices"] == [price]
    made = api.post(f"/routes{end}", {"name": "r", "targets": [{"model": f"p1/{model_id}"}]}, format=JSON)
    assert made.status_code == 201
    assert api.get(f"/routes/r/resolved{end}").json()["left_out"][0]["model"] == f"p1/{model_id}"
    assert api.delete(path).status_code == 409
    api.delete(f"/routes/r{end}")
    assert api.delete(path).status_code == 204
