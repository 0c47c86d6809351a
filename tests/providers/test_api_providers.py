"""/providers: SEED.md's examples as written, nested writes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit import history
from providers.models import ApiKey, Provider, ProviderModel
from tests.providers.conftest import SECRET

JSON = "json"


def test_the_examples_of_the_seed_run_as_written(api: APIClient, anthropic: dict[str, Any]) -> None:
    created = api.post("/providers", anthropic, format=JSON)
    assert created.status_code == 201, created.json()
    assert created.json()["connection_params"] == {"api_base": "https://api.anthropic.com"}
    assert created.json()["models"][0]["model_id"] == "claude-3-opus-20240229"
    assert created.json()["api_keys"][0]["state"] == "active"
    assert "your-api-key" not in created.content.decode()

    listed = api.get("/providers").json()
    assert listed["count"] == 1
    assert listed["results"][0]["provider_id"] == "anthropic"

    updated = api.put("/providers/anthropic", {"display_name": "Anthropic AI", "enabled": True}, format=JSON)
    assert updated.status_code == 200
    assert updated.json()["display_name"] == "Anthropic AI"
    assert len(updated.json()["models"]) == 1
    assert len(updated.json()["api_keys"]) == 1

    assert api.delete("/providers/anthropic").status_code == 204
    assert api.get("/providers/anthropic").status_code == 404


@pytest.mark.parametrize("path", ["/providers", "/providers/", "/providers/openai", "/providers/openai/"])
def test_a_slash_at_the_end_changes_nothing(api: APIClient, openai: dict[str, Any], path: str) -> None:
    assert api.get(path).status_code == 200


def test_an_answer_sent_back_changes_nothing(api: APIClient, openai: dict[str, Any]) -> None:
    extra = {
        "connection_parameters": [
            {"param_name": "api_base", "param_value": "https://api.openai.com/v1"},
            {"param_name": "timeout_seconds", "param_value": 30, "environment": "production"},
            {"param_name": "extra_headers", "param_value": {"x-auth-token": "hidden-text"}, "is_sensitive": True},
        ],
        "api_keys": [{"name": "second", "reference": "env:OPENAI_API_KEY"}],
        "request_settings": {"timeout_seconds": 12.5},
    }
    assert api.put("/providers/openai", extra, format=JSON).status_code == 200
    answer = api.get("/providers/openai")
    before = history.revision()
    again = api.put("/providers/openai", answer.json(), format=JSON)
    assert again.status_code == 200, again.json()
    assert again.json() == answer.json()
    assert history.revision() == before


def test_one_request_is_one_revision(api: APIClient, anthropic: dict[str, Any]) -> None:
    api.post("/providers", anthropic, format=JSON)
    assert history.revision() == 1


def test_a_wrong_nested_object_undoes_the_whole_request(api: APIClient, anthropic: dict[str, Any]) -> None:
    anthropic["models"].append({"model_id": "what?"})
    answer = api.post("/providers", anthropic, format=JSON)
    assert answer.status_code == 400
    assert list(answer.json()) == ["models.1.model_id"]
    assert not Provider.objects.exists()
    assert history.revision() == 0


def test_nested_lists_never_delete_what_they_do_not_name(api: APIClient, openai: dict[str, Any]) -> None:
    body = {"models": [{"model_id": "o3"}], "api_keys": [], "connection_parameters": []}
    answer = api.put("/providers/openai", body, format=JSON)
    assert [model["model_id"] for model in answer.json()["models"]] == ["gpt-4o", "o3"]
    assert len(answer.json()["api_keys"]) == 1


def test_a_nested_key_replaces_the_one_of_its_name(api: APIClient, openai: dict[str, Any]) -> None:
    answer = api.put("/providers/openai", {"api_key": {"key_value": "sk-another-key-of-24-chars"}}, format=JSON)
    keys = answer.json()["api_keys"]
    assert [key["key_id"] for key in keys] == [openai["api_keys"][0]["key_id"]]
    assert keys[0]["last4"] == "hars"
    assert ApiKey.objects.get().secret == "sk-another-key-of-24-chars"
    added = api.put("/providers/openai", {"api_key": {"name": "b", "key_value": "sk-b"}}, format=JSON)
    assert {key["name"] for key in added.json()["api_keys"]} == {"default", "b"}


def test_a_duplicate_is_409_with_its_field(api: APIClient, openai: dict[str, Any]) -> None:
    answer = api.post("/providers", {"provider_id": "openai", "provider_type": "openai"}, format=JSON)
    assert answer.status_code == 409
    assert list(answer.json()) == ["provider_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "provider_type"),
        ({"provider_type": "no-such-kind"}, "provider_type"),
        ({"provider_id": "Not Allowed"}, "provider_id"),
        ({"provider_id": 5}, "provider_id"),
        ({"display_name": ""}, "display_name"),
        ({"enabled": "yes"}, "enabled"),
        ({"colour": "blue"}, "colour"),
        ({"request_settings": []}, "request_settings"),
        ({"request_settings": {"api_key": "x"}}, "request_settings"),
        ({"request_settings": {"nested": {"Authorization": "x"}}}, "request_settings"),
        ({"request_settings": {"timeout_seconds": -1}}, "request_settings"),
        ({"connection_params": {"api_base": "ftp://x"}}, "connection_params.api_base"),
        ({"connection_params": {"api_base": "https://me:pw@x.example"}}, "connection_params.api_base"),
        ({"connection_params": {"api_base": "http://169.254.169.254/"}}, "connection_params.api_base"),
        ({"connection_params": {"timeout_seconds": 0}}, "connection_params.timeout_seconds"),
        ({"connection_params": {"verify": 3}}, "connection_params.verify"),
        ({"connection_params": {"transport": "carrier pigeon"}}, "connection_params.transport"),
        ({"connection_params": {"proxy": "http://u:p@proxy:3128"}}, "connection_params.proxy"),
        ({"connection_params": {"access_token": "x"}}, "connection_params.access_token"),
        ({"connection_params": {"extra_headers": {"x-api-key": "x"}}}, "connection_params.extra_headers"),
        ({"connection_params": []}, "connection_params"),
        ({"api_key": {}}, "api_key.key_value"),
        ({"api_key": {"key_value": "***"}}, "api_key.key_value"),
        ({"api_key": {"key_value": "two words"}}, "api_key.key_value"),
        ({"api_key": {"reference": "env:PATH"}}, "api_key.reference"),
        ({"api_key": {"reference": "env:LLM_GATEWAY_X_API_KEY"}}, "api_key.reference"),
        ({"api_key": {"reference": "file:x"}}, "api_key.reference"),
        ({"api_keys": [{"key_value": "a", "environment": "moon"}]}, "api_keys.0.environment"),
        ({"models": [{"model_id": "a", "context_window": 0}]}, "models.0.context_window"),
        ({"models": [{"model_id": "a", "provider_id": "other"}]}, "models.0.provider_id"),
        ({"models": [{"model_id": "a"}, {"model_id": "a"}]}, "models.1.model_id"),
        ({"models": {"model_id": "a"}}, "models"),
    ],
)
def test_bad_input_names_the_field(api: APIClient, body: dict[str, Any], field: str) -> None:
    good = {"provider_id": "p", "provider_type": "openai"} if body else {"provider_id": "p"}
    answer = api.post("/providers", {**good, **body}, format=JSON)
    assert answer.status_code == 400, answer.content
    assert field in answer.json(), answer.json()
    assert not Provider.objects.exists()


def test_natural_keys_never_change(api: APIClient, openai: dict[str, Any]) -> None:
    answer = api.put("/providers/openai", {"provider_id": "renamed"}, format=JSON)
    assert answer.status_code == 400
    assert list(answer.json()) == ["provider_id"]


def test_an_edited_answer_counts_in_either_form_of_parameters(api: APIClient, openai: dict[str, Any]) -> None:
    api.put("/providers/openai", {"connection_params": {"timeout_seconds": 10}}, format=JSON)
    whole = api.get("/providers/openai").json()
    whole["connection_params"]["timeout_seconds"] = 20
    assert api.put("/providers/openai", whole, format=JSON).json()["connection_params"] == {"timeout_seconds": 20}
    whole = api.get("/providers/openai").json()
    whole["connection_parameters"][0]["param_value"] = 30
    assert api.put("/providers/openai", whole, format=JSON).json()["connection_params"] == {"timeout_seconds": 30}
    whole["connection_params"]["timeout_seconds"] = 40
    whole["connection_parameters"][0]["param_value"] = 50
    assert api.put("/providers/openai", whole, format=JSON).status_code == 400


def test_what_a_route_uses_cannot_go(api: APIClient, openai: dict[str, Any]) -> None:
    route = {"name": "fast", "targets": [{"model": "openai/gpt-4o"}]}
    assert api.post("/routes", route, format=JSON).status_code == 201
    for path in ("/providers/openai", "/providers/openai/models/gpt-4o"):
        answer = api.delete(path)
        assert answer.status_code == 409
        assert "route:fast" in answer.content.decode()
    assert api.delete("/routes/fast").status_code == 204
    assert api.delete("/providers/openai").status_code == 204
    assert not ProviderModel.objects.exists()


def test_lists_search_order_filter_and_turn_pages(api: APIClient, openai: dict[str, Any]) -> None:
    for name in ("b", "a"):
        api.post("/providers", {"provider_id": name, "provider_type": "echo", "enabled": name == "a"}, format=JSON)

    def names(query: str) -> list[str]:
        return [row["provider_id"] for row in api.get(f"/providers?{query}").json()["results"]]

    assert names("ordering=-provider_id") == ["openai", "b", "a"]
    assert names("provider_type=echo&enabled=true") == ["a"]
    assert names("search=OpenA") == ["openai"]
    page = api.get("/providers?page=2&page_size=2").json()
    assert (page["count"], len(page["results"]), page["next"]) == (3, 1, None)


@pytest.mark.parametrize("query", ["colour=blue", "ordering=secret", "enabled=maybe", "provider_type=none"])
def test_unknown_filters_and_orderings_are_400(api: APIClient, query: str) -> None:
    assert api.get(f"/providers?{query}").status_code == 400


def test_the_reason_goes_to_the_change_set_only(api: APIClient, openai: dict[str, Any]) -> None:
    from audit.models import ChangeSet

    answer = api.put("/providers/openai", {"description": "x", "reason": "because"}, format=JSON)
    assert "reason" not in answer.json()
    change = ChangeSet.objects.first()
    assert change is not None
    assert (change.reason, change.origin, change.actor) == ("because", "rest", "root")


def test_no_answer_holds_the_secret(api: APIClient, openai: dict[str, Any]) -> None:
    key = openai["api_keys"][0]
    for path in ("/providers", "/providers/openai", "/providers/openai/api-keys"):
        assert SECRET not in api.get(path).content.decode()
    detail = api.get(f"/providers/openai/api-keys/{key['key_id']}").json()
    assert (detail["last4"], detail["is_encrypted"], len(detail["fingerprint"])) == ("WXYZ", True, 16)


def test_a_sensitive_parameter_stays_sensitive_until_it_is_said_otherwise(
    api: APIClient, openai: dict[str, Any]
) -> None:
    row = {"param_name": "extra_body", "param_value": {"a": "hidden-one"}, "is_sensitive": True}
    api.put("/providers/openai", {"connection_parameters": [row]}, format=JSON)
    for body in (
        {"connection_params": {"extra_body": {"a": "hidden-two"}}},
        {"connection_parameters": [{"param_name": "extra_body", "param_value": {"a": "hidden-three"}}]},
    ):
        answer = api.put("/providers/openai", body, format=JSON)
        assert answer.status_code == 200
        assert "hidden" not in answer.content.decode()
        assert answer.json()["connection_parameters"][0]["is_sensitive"]
    plain = {"connection_parameters": [{"param_name": "extra_body", "param_value": {"a": 1}, "is_sensitive": False}]}
    assert api.put("/providers/openai", plain, format=JSON).json()["connection_params"] == {"extra_body": {"a": 1}}
