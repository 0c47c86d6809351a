"""Which parameters a kind takes, their types, and the warning where one has no effect."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from llm.adapters.kinds import BY_NAME
from llm.adapters.parameters import KNOWN
from providers import selectors
from providers.snapshot_part import snapshot_part

JSON = "json"
GOOD: dict[str, Any] = {
    "api_base": "https://r.example/v1",
    "organization": "org-1",
    "project": "proj-1",
    "api_version": "2025-04-01-preview",
    "timeout_seconds": 60,
    "connect_timeout_seconds": 2.5,
    "first_token_timeout_seconds": "20",
    "idle_timeout_seconds": 30,
    "max_connections": 50,
    "transport": "aiohttp",
    "proxy": "http://proxy.example:3128",
    "verify": True,
    "extra_headers": {"x-team": "search"},
    "extra_body": {"top_k": 40},
}
BAD: dict[str, tuple[Any, str]] = {
    "api_base": (7, "URL"),
    "organization": ("", "visible ASCII"),
    "project": ({"a": 1}, "visible ASCII"),
    "api_version": ("newest", "2024-10-21"),
    "timeout_seconds": ("soon", "number"),
    "connect_timeout_seconds": (0, "above 0"),
    "first_token_timeout_seconds": (-1, "above 0"),
    "idle_timeout_seconds": (1e9, "at most"),
    "max_connections": (2.5, "whole number"),
    "transport": ("pigeon", "lean, aiohttp"),
    "proxy": ("proxy", "http://host:port"),
    "verify": (3, "true, false"),
    "extra_headers": ({"host": "x"}, "gateway itself"),
    "extra_body": ({"model": "x"}, "call itself"),
}
OF_ALL = set(GOOD) - {"organization", "project", "api_version"}
TAKEN = {
    "openai": OF_ALL | {"organization", "project"},
    "openai_compatible": OF_ALL | {"organization", "project"},
    "anthropic": OF_ALL,
    "gemini": OF_ALL,
    "azure_openai": OF_ALL | {"api_version"},
    "echo": set(),
}


def provider(api: APIClient, kind: str) -> str:
    assert api.post("/providers", {"provider_id": "p", "provider_type": kind}, format=JSON).status_code == 201
    return "/providers/p/connection-params"


def test_the_lists_of_this_file_are_whole() -> None:
    assert set(KNOWN) == set(GOOD) == set(BAD)
    assert set(TAKEN) == set(BY_NAME)


@pytest.mark.parametrize("kind", TAKEN)
def test_a_kind_takes_its_own_parameters_and_says_of_others_what_there_is(api: APIClient, kind: str) -> None:
    path = provider(api, kind)
    for name, value in GOOD.items():
        answer = api.post(path, {"param_name": name, "param_value": value}, format=JSON)
        if name in TAKEN[kind]:
            assert (answer.status_code, answer.json()["warnings"]) == (201, []), name
        elif kind == "openai_compatible":
            assert (answer.status_code, len(answer.json()["warnings"])) == (201, 1), name
        else:
            assert answer.status_code == 400
            (message,) = answer.json()["param_name"]
            assert f'kind {kind} has no parameter "{name}"' in message
            assert ("it has none" if kind == "echo" else "api_base, ") in message


@pytest.mark.parametrize("name", BAD)
def test_a_value_of_another_type_is_refused_with_what_it_must_be(api: APIClient, name: str) -> None:
    kind = "azure_openai" if name == "api_version" else "openai"
    value, expected = BAD[name]
    answer = api.post(provider(api, kind), {"param_name": name, "param_value": value}, format=JSON)
    assert (answer.status_code, list(answer.json())) == (400, ["param_value"])
    assert expected in answer.json()["param_value"][0]


@pytest.mark.parametrize("version", ["2024-10-21", "2025-01-01-preview", "preview", "v1"])
def test_versions_of_azure(api: APIClient, version: str) -> None:
    path = provider(api, "azure_openai")
    assert api.post(path, {"param_name": "api_version", "param_value": version}, format=JSON).status_code == 201
    part = snapshot_part(environment="production", allow_private=False)
    assert part.upstreams["p"].options == {"api_version": version}


def test_what_a_compatible_server_may_know_is_kept_with_a_warning(api: APIClient) -> None:
    path = provider(api, "openai_compatible")
    for environment in ("", "production"):
        body = {"param_name": "region", "param_value": "eu", "environment": environment}
        answer = api.post(path, body, format=JSON).json()
        assert answer["warnings"] == ['openai_compatible knows no parameter "region": it is kept, and has no effect.']
    whole = api.get("/providers/p").json()
    assert whole["warnings"] == answer["warnings"], "once for all environments"
    again = api.put("/providers/p", whole, format=JSON)
    assert (again.status_code, again.json()) == (200, whole)


def test_parameters_of_a_provider_whose_kind_changes_stay_writable_and_warn(api: APIClient) -> None:
    path = provider(api, "openai")
    api.post(path, {"param_name": "organization", "param_value": "org"}, format=JSON)
    changed = api.patch("/providers/p", {"provider_type": "anthropic"}, format=JSON)
    assert (changed.status_code, len(changed.json()["warnings"])) == (200, 1)
    again = api.put("/providers/p", changed.json(), format=JSON)
    assert (again.status_code, again.json()) == (200, changed.json())
    assert api.patch(f"{path}/organization", {"param_value": "other"}, format=JSON).status_code == 200
    assert api.delete(f"{path}/organization").status_code == 204
    assert api.post(path, {"param_name": "organization", "param_value": "x"}, format=JSON).status_code == 400


def test_the_nested_forms_are_checked_too(api: APIClient) -> None:
    body = {"provider_id": "p", "provider_type": "gemini", "connection_params": {"organization": "x"}}
    assert list(api.post("/providers", body, format=JSON).json()) == ["connection_params.organization"]
    body = {**body, "connection_params": {}, "connection_parameters": [{"param_name": "region", "param_value": 1}]}
    assert list(api.post("/providers", body, format=JSON).json()) == ["connection_parameters.0.param_name"]


def test_an_exact_environment_beats_the_one_for_all(api: APIClient) -> None:
    path = provider(api, "openai")
    for environment, seconds in (("", 10), ("staging", 20)):
        body = {"param_name": "timeout_seconds", "param_value": seconds, "environment": environment}
        assert api.post(path, body, format=JSON).status_code == 201
    bad = {"param_name": "timeout_seconds", "param_value": 5, "environment": "moon"}
    assert list(api.post(path, bad, format=JSON).json()) == ["environment"]
    totals = {
        name: snapshot_part(environment=name, allow_private=False).upstreams["p"].timeouts.total
        for name in ("production", "staging")
    }
    assert totals == {"production": 10.0, "staging": 20.0}
    listed = api.get(f"{path}?environment=staging").json()
    assert [row["param_value"] for row in listed["results"]] == [20]
    assert selectors.plain_parameters(selectors.provider("p")) == {"timeout_seconds": 10}
