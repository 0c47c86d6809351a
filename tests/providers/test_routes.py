"""Routes: what they may name, what an operator is warned of, and what they lead to now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone
from rest_framework.test import APIClient

from llm.policies import route as plans
from llm.snapshot import Caller, CallersPart, Snapshot
from providers.models import ApiKey
from providers.snapshot_part import snapshot_part

JSON = "json"
KEY = "sk-live-0123456789abcdefghij-ABCD"


def provider(api: APIClient, provider_id: str, *models: dict[str, Any], key: bool = True, **fields: Any) -> None:
    body = {"provider_id": provider_id, "provider_type": "openai", "models": list(models), **fields}
    if key:
        body["api_key"] = {"key_value": KEY}
    answer = api.post("/providers", body, format=JSON)
    assert answer.status_code == 201, answer.json()


def route(api: APIClient, targets: list[Any], fallbacks: list[Any] | None = None, **fields: Any) -> Any:
    body = {"name": "fast", "targets": targets, "fallbacks": fallbacks or [], **fields}
    answer = api.post("/routes", body, format=JSON)
    assert answer.status_code == 201, answer.json()
    return answer.json()


def resolved(api: APIClient) -> Any:
    answer = api.get("/routes/fast/resolved")
    assert answer.status_code == 200
    explained = api.post("/routes/fast/explain/", {}, format=JSON).json()
    assert explained.pop("plan") and explained == answer.json()
    return answer.json()


def test_routes_lead_to_models_and_not_to_routes(api: APIClient) -> None:
    provider(api, "a", {"model_id": "m"})
    route(api, [{"model": "a/m"}])
    wrong = {"fast": "cannot go in circles", "b/m": 'no model "b/m"', "a/none": 'no model "a/none"'}
    for name, expected in wrong.items():
        for field in ("targets", "fallbacks"):
            body = {"name": "other", "targets": [{"model": "a/m"}], field: [{"model": name}]}
            answer = api.post("/routes", body, format=JSON)
            assert (answer.status_code, list(answer.json())) == (400, [f"{field}.0.model"])
            assert expected in answer.json()[f"{field}.0.model"][0]
    itself = api.patch("/routes/fast", {"fallbacks": [{"model": "fast"}]}, format=JSON)
    assert "cannot go in circles" in itself.json()["fallbacks.0.model"][0]


def test_a_fallback_that_falls_short_of_the_first_target_is_warned_of(api: APIClient) -> None:
    able = {"capabilities": ["function_calling", "vision", "json"], "context_window": 200_000}
    provider(
        api,
        "a",
        {"model_id": "big", **able},
        {"model_id": "text", "capabilities": ["tools"], "context_window": 8_000},
        {"model_id": "unsaid"},
        {"model_id": "vectors", "model_type": "embedding"},
        {"model_id": "off", "enabled": False},
    )
    fallbacks = [{"model": f"a/{name}"} for name in ("text", "unsaid", "vectors", "off", "big")]
    made = route(api, [{"model": "a/big"}], fallbacks)
    assert made["warnings"] == [
        "a/off is passed over: it is disabled.",
        "a/text lacks what a/big can: documents, json, vision.",
        "a/text has a smaller context window than a/big: 8000 tokens, not 200000.",
        "a/vectors is of type embedding, a/big of type chat.",
    ]
    assert api.get("/routes").json()["results"][0]["warnings"] == made["warnings"]
    again = api.put("/routes/fast", made, format=JSON)
    assert (again.status_code, again.json()) == (200, made)
    later = {"targets": [{"model": "a/text", "priority": 2}, {"model": "a/big", "priority": 1}], "fallbacks": []}
    assert len(api.patch("/routes/fast", later, format=JSON).json()["warnings"]) == 2
    equals = {"targets": [{"model": "a/text"}, {"model": "a/unsaid", "enabled": False}]}
    assert api.patch("/routes/fast", equals, format=JSON).json()["warnings"] == []
    off = {"targets": [{"model": "a/big", "enabled": False}]}
    assert api.patch("/routes/fast", off, format=JSON).json()["warnings"][0].startswith("All targets are disabled")


def test_a_list_of_routes_asks_for_their_models_once(api: APIClient, django_assert_max_num_queries: Any) -> None:
    provider(api, "a", *({"model_id": f"m{number}"} for number in range(5)))
    for number in range(5):
        route(api, [{"model": f"a/m{number}"}], name=f"r{number}")
    with django_assert_max_num_queries(4):
        assert api.get("/routes").json()["count"] == 5


@pytest.fixture
def providers(api: APIClient) -> None:
    """Of every kind of trouble one."""
    provider(api, "a", {"model_id": "m"}, {"model_id": "off", "enabled": False})
    provider(api, "b", {"model_id": "*"})
    provider(api, "off", {"model_id": "m"}, enabled=False)
    provider(api, "nokey", {"model_id": "m"}, key=False)
    provider(api, "old", {"model_id": "m"})
    provider(api, "moved", {"model_id": "m"})
    provider(api, "nobase", {"model_id": "m"}, provider_type="azure_openai")
    key = ApiKey.objects.get(provider="old")
    key.expires_at = timezone.now() - timedelta(days=1)  # nobody may say so of a key that is entered now
    key.save()
    api.patch("/providers/moved", {"connection_params": {"api_base": "https://elsewhere.example/v1"}}, format=JSON)


def test_what_a_route_leads_to_now(api: APIClient, providers: None) -> None:
    route(
        api,
        [
            {"model": "b/any/thing", "priority": 2},
            {"model": "a/m", "priority": 1, "weight": 1},
            {"model": "a/off"},
            {"model": "b/idle", "enabled": False},
            {"model": "off/m"},
            {"model": "b/other", "priority": 1, "weight": 3},
        ],
        [{"model": f"{name}/m"} for name in ("nokey", "old", "moved", "nobase", "a")],
    )
    found = resolved(api)
    assert (found["name"], found["enabled"], found["strategy"]) == ("fast", True, "priority")
    assert [(one["role"], one["model"], one["share"]) for one in found["candidates"]] == [
        ("target", "b/other", 75),
        ("target", "a/m", 25),
        ("target", "b/any/thing", 100),
        ("fallback", "a/m", 100),
    ]
    assert all(len(one["keys"]) == 1 for one in found["candidates"])
    assert {one["model"]: one["reason"] for one in found["left_out"]} == {
        "a/off": "the model is disabled",
        "b/idle": "the target is disabled",
        "off/m": "the provider is disabled",
        "nokey/m": "the provider has no key",
        "old/m": "no usable key: default (expired)",
        "moved/m": "no usable key: default (awaiting secret)",
        "nobase/m": "the provider has no api_base",
    }
    assert KEY not in str(found)


def test_it_says_what_the_data_plane_plans(api: APIClient) -> None:
    provider(api, "a", {"model_id": "m"}, {"model_id": "n"})
    provider(api, "gone", {"model_id": "m"}, key=False)
    targets = [{"model": "a/n", "priority": 2}, {"model": "gone/m", "priority": 1}, {"model": "a/m", "priority": 1}]
    route(api, targets, [{"model": "gone/m"}, {"model": "a/n"}])
    part = snapshot_part(environment="development", allow_private=True)
    snapshot = Snapshot(1, "development", part, CallersPart({}, {}))
    planned = plans.plan(snapshot, Caller("p", None), "fast", now=timezone.now().timestamp(), random=lambda: 0.0)
    wanted = [*planned.candidates, *planned.fallbacks]
    assert [one["model"] for one in resolved(api)["candidates"]] == [
        f"{one.upstream.provider_id}/{one.model_id}" for one in wanted
    ]


def test_a_weighted_route_is_one_draw(api: APIClient) -> None:
    provider(api, "e", {"model_id": "m"}, {"model_id": "n"}, key=False, provider_type="echo")
    route(api, [{"model": "e/m", "priority": 1}, {"model": "e/n", "priority": 9, "weight": 4}], strategy="weighted")
    assert [(one["model"], one["share"], one["keys"]) for one in resolved(api)["candidates"]] == [
        ("e/n", 80, []),
        ("e/m", 20, []),
    ]


def test_who_may_see_what_a_route_leads_to(api: APIClient) -> None:
    provider(api, "a", {"model_id": "m"})
    route(api, [{"model": "a/m"}])
    user = get_user_model().objects.create_user("viewer")
    client = APIClient()
    assert client.get("/routes/fast/resolved").status_code == 401
    client.force_authenticate(user)
    assert client.get("/routes/fast/resolved").status_code == 403
    assert client.post("/routes/fast/explain", {}, format=JSON).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_route"))
    client.force_authenticate(get_user_model().objects.get(username="viewer"))
    assert client.get("/routes/fast/resolved/").status_code == 200
    assert client.post("/routes/fast/explain", {}, format=JSON).status_code == 200
    assert client.post("/routes/fast/explain", {"x": 1}, format=JSON).status_code == 400
    assert client.get("/routes/none/resolved").status_code == 404
    assert client.post("/routes", {"name": "x", "targets": []}, format=JSON).status_code == 403


@pytest.mark.parametrize("path", ["/providers/a/models/m", "/providers/a"])
def test_what_routes_and_projects_use_cannot_go_and_they_are_named(api: APIClient, path: str) -> None:
    provider(api, "a", {"model_id": "m"})
    route(api, [{"model": "a/m"}])
    project = {"slug": "team", "name": "T", "allowed_models": ["a/m"]}
    assert api.post("/projects", project, format=JSON).status_code == 201
    refused = api.delete(path)
    assert refused.status_code == 409
    (message,) = next(iter(refused.json().values()))
    assert message == "It is still used by project:team, route:fast."
    api.patch("/projects/team", {"allowed_models": ["fast"]}, format=JSON)
    assert api.delete("/routes/fast").json() == {"name": ["It is still used by project:team."]}
    api.patch("/projects/team", {"allowed_models": ["*"]}, format=JSON)
    assert api.delete("/routes/fast").status_code == 204
    assert api.delete(path).status_code == 204
