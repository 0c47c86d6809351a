"""Models, keys and parameters below a provider; routes; the flat list of models; rights."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from audit import history
from providers.models import ApiKey, ConnectionParameter, ProviderModel
from tests.providers.conftest import SECRET

JSON = "json"
GOOD_IDS = [
    *("gpt-4o", "meta-llama/Llama-3.1-8B", "ft:gpt-4o:org::id", "claude-3.5", "a/b/c", "*", "with space", "ünï/日本"),
    *("models", "api-keys", "x/api-keys", "gpt-4o@2024", "a+b&c=d;e", "..."),
]
BAD_IDS = [
    "..",
    "a/../b",
    "./a",
    "",
    "a?b",
    "a#b",
    "a%b",
    "a%2Fb",
    "a//b",
    "/a",
    "a/",
    "a\nb",
    "a\x00b",
    "a\x7fb",
    "x" * 256,
]


def test_the_model_examples_of_the_seed(api: APIClient, openai: dict[str, Any]) -> None:
    api.delete("/providers/openai/models/gpt-4o")
    body = {
        "model_id": "gpt-4o",
        "provider_id": "openai",
        "display_name": "GPT-4o",
        "model_type": "chat",
        "context_window": 128000,
        "max_tokens": 4096,
        "enabled": True,
    }
    assert api.post("/providers/openai/models", body, format=JSON).status_code == 201
    update = {"display_name": "GPT-4o (2024)", "context_window": 256000}
    answer = api.put("/providers/openai/models/gpt-4o", update, format=JSON)
    assert (answer.status_code, answer.json()["context_window"], answer.json()["max_tokens"]) == (200, 256000, 4096)
    assert api.get("/providers/openai/models").json()["count"] == 1
    assert api.delete("/providers/openai/models/gpt-4o").status_code == 204


@pytest.mark.parametrize("model_id", GOOD_IDS)
@pytest.mark.parametrize(("safe", "end"), [("/:", ""), ("", "/")])
def test_model_ids_round_trip_through_paths(
    api: APIClient, openai: dict[str, Any], model_id: str, safe: str, end: str
) -> None:
    api.post("/providers/openai/models", {"model_id": model_id}, format=JSON)
    path = f"/providers/openai/models/{quote(model_id, safe=safe)}{end}"
    assert api.get(path).json()["model_id"] == model_id
    changed = api.patch(path, {"display_name": "changed"}, format=JSON)
    assert (changed.status_code, changed.json()["model_id"]) == (200, model_id)
    assert api.delete(path).status_code == 204


@given(model_id=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_model_id_is_kept_exactly_or_refused(api: APIClient, openai: dict[str, Any], model_id: str) -> None:
    ProviderModel.objects.exclude(model_id="gpt-4o").delete()
    answer = api.post("/providers/openai/models", {"model_id": model_id}, format=JSON)
    wrong = any(part in model_id for part in ("?", "#", "%", "//")) or model_id[0] == "/" or model_id[-1] == "/"
    wrong = wrong or bool({".", ".."} & set(model_id.split("/")))
    if wrong:
        assert answer.status_code == 400
        return
    assert answer.status_code == (409 if model_id == "gpt-4o" else 201)
    path = f"/providers/openai/models/{quote(model_id, safe='/')}"
    assert api.get(path).json()["model_id"] == model_id


@pytest.mark.parametrize("model_id", BAD_IDS)
def test_bad_model_ids_are_400(api: APIClient, openai: dict[str, Any], model_id: str) -> None:
    answer = api.post("/providers/openai/models", {"model_id": model_id}, format=JSON)
    assert answer.status_code == 400
    assert list(answer.json()) == ["model_id"]


def test_children_answer_404_409_and_400(api: APIClient, openai: dict[str, Any]) -> None:
    for child in ("models", "api-keys", "connection-params"):
        assert api.get(f"/providers/none/{child}").status_code == 404
        assert api.post(f"/providers/none/{child}", {}, format=JSON).status_code == 404
        assert api.get(f"/providers/openai/{child}/none").status_code == 404
    assert api.post("/providers/openai/models", {"model_id": "gpt-4o"}, format=JSON).status_code == 409
    other = {"model_id": "x", "provider_id": "other"}
    assert list(api.post("/providers/openai/models", other, format=JSON).json()) == ["provider_id"]
    body = {"key_value": SECRET}
    duplicate = api.post("/providers/openai/api-keys", body, format=JSON)
    assert (duplicate.status_code, list(duplicate.json())) == (409, ["name"])
    assert api.get("/providers/%00").status_code == 404


def test_an_answer_of_a_child_sent_back_changes_nothing(api: APIClient, openai: dict[str, Any]) -> None:
    key_id = openai["api_keys"][0]["key_id"]
    api.post("/providers/openai/connection-params", {"param_name": "organization", "param_value": "eu"}, format=JSON)
    for path in ("models/gpt-4o", f"api-keys/{key_id}", "connection-params/organization"):
        answer = api.get(f"/providers/openai/{path}").json()
        before = history.revision()
        again = api.put(f"/providers/openai/{path}", answer, format=JSON)
        assert (again.status_code, again.json()) == (200, answer)
        assert history.revision() == before


def test_a_key_is_replaced_in_place_and_kept_by_null(api: APIClient, openai: dict[str, Any]) -> None:
    path = f"/providers/openai/api-keys/{openai['api_keys'][0]['key_id']}"
    for body in ({"key_value": None}, {"weight": 3}, {"reference": None}):
        assert api.patch(path, body, format=JSON).status_code == 200
        assert ApiKey.objects.get().secret == SECRET
    for value in ("", "****", "••••"):
        assert api.patch(path, {"key_value": value}, format=JSON).status_code == 400
    answer = api.patch(path, {"key_value": "sk-new-new-new-new-new-NEW"}, format=JSON).json()
    assert (answer["last4"], answer["weight"]) == ("-NEW", 3)
    answer = api.patch(path, {"reference": "env:OPENAI_API_KEY"}, format=JSON).json()
    assert (answer["reference"], answer["last4"], ApiKey.objects.get().secret) == ("env:OPENAI_API_KEY", "", None)
    assert api.patch(path, {"reference": "env:A_API_KEY", "key_value": "b"}, format=JSON).status_code == 400


def test_parameters_are_upserted_by_name_and_environment(api: APIClient, openai: dict[str, Any]) -> None:
    path = "/providers/openai/connection-params"
    body = {"param_name": "timeout_seconds", "param_value": "20"}
    assert api.post(path, body, format=JSON).status_code == 201
    assert api.post(path, {**body, "param_value": 30}, format=JSON).status_code == 200
    assert api.post(path, {**body, "environment": "production"}, format=JSON).status_code == 201
    assert api.get(f"{path}/timeout_seconds").json()["param_value"] == 30
    assert api.get(f"{path}/timeout_seconds?environment=production").json()["param_value"] == 20
    assert api.get(f"{path}/timeout_seconds?environment=staging").status_code == 404
    assert api.delete(f"{path}/timeout_seconds?environment=production").status_code == 204
    assert api.get(path).json()["count"] == 1
    alias = api.post(path, {"param_name": "base_url", "param_value": "https://x.example/v1"}, format=JSON)
    assert alias.json()["param_name"] == "api_base"
    assert api.get(f"{path}/base_url").status_code == 200


def test_sensitive_values_come_back_as_null(api: APIClient, openai: dict[str, Any]) -> None:
    api.patch("/providers/openai", {"provider_type": "openai_compatible"}, format=JSON)  # it takes any name
    path = "/providers/openai/connection-params"
    body = {"param_name": "access_token", "param_value": "very-hidden", "is_sensitive": True}
    answer = api.post(path, body, format=JSON)
    assert (answer.status_code, answer.json()["param_value"]) == (201, None)
    kept = api.put(f"{path}/access_token", {"param_value": None}, format=JSON)
    assert kept.status_code == 200
    assert ConnectionParameter.objects.get().secret_value == '"very-hidden"'
    plain = api.put(f"{path}/access_token", {"is_sensitive": False, "param_value": "x"}, format=JSON)
    assert plain.status_code == 400
    assert "very-hidden" not in api.get("/providers/openai").content.decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "r"}, "targets"),
        ({"targets": []}, "targets"),
        ({"targets": [{"model": "openai/none"}]}, "targets.0.model"),
        ({"targets": [{"model": "openai/*"}]}, "targets.0.model"),
        ({"targets": [{"model": 5}]}, "targets.0.model"),
        ({"targets": [{"model": "openai/gpt-4o", "weight": -1}]}, "targets.0.weight"),
        ({"targets": [{"model": "openai/gpt-4o", "colour": 1}]}, "targets.0.colour"),
        ({"strategy": "luck"}, "strategy"),
        ({"policy": {"retries": 99}}, "policy.retries"),
        ({"policy": {"timeout_seconds": 0}}, "policy.timeout_seconds"),
        ({"policy": {"cache": {"ttl": 1}}}, "policy.cache"),
        ({"policy": {"colour": 1}}, "policy"),
        ({"name": "Bad Name"}, "name"),
    ],
)
def test_bad_routes_are_400(api: APIClient, openai: dict[str, Any], body: dict[str, Any], field: str) -> None:
    good = {"name": "r", "targets": [{"model": "openai/gpt-4o"}]}
    answer = api.post(
        "/routes", body if field == "targets" and "targets" not in body else {**good, **body}, format=JSON
    )
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_a_route_and_back(api: APIClient, openai: dict[str, Any]) -> None:
    body = {
        "name": "fast",
        "strategy": "weighted",
        "targets": [{"model": "openai/gpt-4o", "weight": 3}],
        "policy": {"retries": 1},
    }
    created = api.post("/routes", body, format=JSON).json()
    assert created["targets"] == [{"model": "openai/gpt-4o", "priority": 1, "weight": 3, "enabled": True}]
    before = history.revision()
    assert api.put("/routes/fast", created, format=JSON).json() == created
    assert history.revision() == before
    assert api.post("/routes", body, format=JSON).status_code == 409


def test_the_flat_list_of_models(api: APIClient, openai: dict[str, Any], anthropic: dict[str, Any]) -> None:
    api.post("/providers", anthropic, format=JSON)
    rows = api.get("/models?ordering=model_id").json()["results"]
    assert [(row["provider_id"], row["model_id"]) for row in rows] == [
        ("anthropic", "claude-3-opus-20240229"),
        ("openai", "gpt-4o"),
    ]
    assert api.get("/models?provider_id=openai&model_type=chat").json()["count"] == 1
    assert api.get("/models?model_type=none").status_code == 400
    assert api.post("/models", {}, format=JSON).status_code == 405


def test_rights_are_those_of_django(api: APIClient, openai: dict[str, Any]) -> None:
    assert APIClient().get("/providers").status_code in (401, 403)
    user = get_user_model().objects.create_user("viewer")
    client = APIClient()
    client.force_authenticate(user)
    assert client.get("/providers").status_code == 403
    allow(user, "view_provider", "view_providermodel", "change_provider")
    client.force_authenticate(get_user_model().objects.get(pk=user.pk))
    assert client.get("/providers/openai").status_code == 200
    assert client.put("/providers/openai", {"description": "x"}, format=JSON).status_code == 200
    assert client.post("/providers", {"provider_id": "x", "provider_type": "echo"}, format=JSON).status_code == 403
    assert client.put("/providers/openai", {"models": [{"model_id": "n"}]}, format=JSON).status_code == 403
    assert client.put("/providers/openai", {"api_key": {"key_value": "n"}}, format=JSON).status_code == 403
    assert client.delete("/providers/openai/models/gpt-4o").status_code == 403
    assert client.get("/providers/openai/api-keys").status_code == 403


def allow(user: Any, *names: str) -> None:
    user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="providers"))


def test_adding_is_not_changing(api: APIClient, openai: dict[str, Any]) -> None:
    path = "/providers/openai/connection-params"
    api.post(path, {"param_name": "organization", "param_value": "eu"}, format=JSON)
    user = get_user_model().objects.create_user("adder")
    allow(user, "add_connectionparameter")
    client = APIClient()
    client.force_authenticate(user)
    assert client.post(path, {"param_name": "project", "param_value": "a"}, format=JSON).status_code == 201
    assert client.post(path, {"param_name": "organization", "param_value": "us"}, format=JSON).status_code == 403
    assert ConnectionParameter.objects.get(param_name="organization").value == "eu"


def test_values_that_databases_cannot_hold_are_400(api: APIClient, openai: dict[str, Any]) -> None:
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    for value in ("a\x00b", {"a": ["\ud800"]}, {"\x00": 1}, deep):
        body = {"param_name": "organization", "param_value": value}
        content = json.dumps(body)  # DRF's own encoder cannot write half of a pair; clients can
        answer = api.post("/providers/openai/connection-params", content, content_type="application/json")
        assert answer.status_code == 400, value
    assert api.get("/models?provider_id=%00").status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/routes", {"name": "r", "targets": [{"model": "\ud800/x"}]}),
        ("/routes", {"name": "r", "targets": [{"model": "openai/gpt-4o", "\ud800": 1}]}),
        ("/routes", {"name": "r", "targets": [{"model": "openai/gpt-4o"}], "policy": {"\ud800": 1}}),
        ("/providers", {"provider_id": "\ud800", "provider_type": "echo"}),
        ("/providers", {"provider_id": "p", "provider_type": "\ud800"}),
        ("/providers", {"provider_id": "p", "provider_type": "echo", "request_settings": {"\ud800": 1}}),
        ("/providers", {"provider_id": "p", "provider_type": "echo", "connection_params": {"\ud800": 1}}),
        ("/providers/openai/models", {"model_id": "\ud800"}),
        ("/providers/openai/models", {"model_id": "m", "capabilities": ["\ud800"]}),
        ("/providers/openai/api-keys", {"key_value": "\ud800abc"}),
        ("/providers/openai/api-keys", {"reference": "env:\ud800"}),
        ("/providers/openai/connection-params", {"param_name": "\ud800", "param_value": 1}),
    ],
)
def test_half_of_a_pair_is_never_a_500(api: APIClient, openai: dict[str, Any], path: str, body: dict[str, Any]) -> None:
    answer = api.post(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
