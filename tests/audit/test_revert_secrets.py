"""No revert reads a secret back, moves one to another address, or lets a revoked key serve again."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from access.models import ProjectKey
from audit import history
from providers import selectors
from providers.models import ApiKey, ConnectionParameter
from providers.snapshot_part import snapshot_part
from tests.audit.asking import apply, made
from tests.audit.conftest import SECRET

pytestmark = pytest.mark.django_db
ELSEWHERE = "https://elsewhere.example.com/v1"


def key_path() -> str:
    return f"/providers/openai/api-keys/{ApiKey.objects.get().key_id}"


def address(api: APIClient, value: str) -> None:
    made(api.post("/providers/openai/connection-params", {"param_name": "api_base", "param_value": value}))


def state_of_key() -> str:
    return selectors.key_state(selectors.keys_of("openai").get())


def test_a_replaced_value_stays_as_it_is_now(api: APIClient, configured: int) -> None:
    made(api.patch(key_path(), {"key_value": "sk-new-0123456789abcdefghijklm", "weight": 7}))
    answer = apply(api, "/audit/revert", to=configured)
    key = ApiKey.objects.get()
    assert answer["missing_secrets"] == [f"api_key:openai/{key.key_id}"]
    assert (key.weight, key.secret, key.enabled) == (1, "sk-new-0123456789abcdefghijklm", True)
    assert state_of_key() == "active"


def test_a_value_never_goes_where_it_was_not_entered_for(api: APIClient, configured: int) -> None:
    """The address of then was somebody else's: the key that was entered since is not sent there."""
    address(api, ELSEWHERE)
    made(api.patch(key_path(), {"key_value": "sk-theirs-0123456789abcdefghij"}))
    theirs = history.revision()
    address(api, "https://api.openai.com/v1")
    made(api.patch(key_path(), {"key_value": SECRET}))
    assert state_of_key() == "active"
    apply(api, "/audit/revert", to=theirs)
    assert ConnectionParameter.objects.get(param_name="api_base").value == ELSEWHERE
    assert ApiKey.objects.get().secret == SECRET
    assert state_of_key() == "awaiting_secret"
    assert not snapshot_part(environment="development", allow_private=True).upstreams["openai"].keys


def test_undoing_a_move_of_the_address_serves_again(api: APIClient, configured: int) -> None:
    address(api, ELSEWHERE)
    moved = history.revision()
    assert state_of_key() == "awaiting_secret"
    apply(api, f"/audit/changes/{moved}/revert")
    assert state_of_key() == "active"


def test_a_deleted_key_awaits_its_secret_and_serves_when_it_is_entered(api: APIClient, configured: int) -> None:
    path = key_path()
    assert api.delete(path).status_code == 204
    answer = apply(api, f"/audit/changes/{history.revision()}/revert")
    assert len(answer["missing_secrets"]) == 1
    assert answer["steps"][0]["fields"]["enabled"] == {"old": None, "new": False}
    assert state_of_key() == "disabled"
    made(api.patch(path, {"enabled": True}))
    assert state_of_key() == "awaiting_secret"  # enabled, and still of no use
    made(api.patch(path, {"key_value": SECRET, "enabled": True}))
    assert state_of_key() == "active"


def test_a_reference_comes_back_bound_to_where_it_was(api: APIClient, configured: int, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    made(api.patch(key_path(), {"reference": "env:OPENAI_API_KEY"}))
    bound = history.revision()
    assert state_of_key() == "active"
    made(api.patch(key_path(), {"key_value": "sk-other-0123456789abcdefghijkl"}))
    address(api, ELSEWHERE)
    apply(api, "/audit/revert", to=bound, objects=[f"api_key:openai/{ApiKey.objects.get().key_id}"])
    key = ApiKey.objects.get()
    assert (key.reference, key.secret, key.enabled) == ("env:OPENAI_API_KEY", None, True)
    assert "elsewhere" not in key.bound_to
    assert state_of_key() == "awaiting_secret"
    apply(api, "/audit/revert", to=bound)
    assert state_of_key() == "active"


def test_from_a_reference_back_to_a_value_waits_for_the_value(api: APIClient, configured: int) -> None:
    made(api.patch(key_path(), {"reference": "env:OPENAI_API_KEY"}))
    answer = apply(api, f"/audit/changes/{history.revision()}/revert")
    key = ApiKey.objects.get()
    assert answer["missing_secrets"] == [f"api_key:openai/{key.key_id}"]
    assert (key.reference, key.secret, key.enabled) == ("", None, False)


def test_two_keys_that_changed_names_change_them_back(api: APIClient, configured: int) -> None:
    made(api.post("/providers/openai/api-keys", {"key_value": SECRET, "name": "second"}))
    first, second = ApiKey.objects.order_by("pk")
    start = history.revision()
    for key, name in ((first, "aside"), (second, "default"), (first, "second")):
        made(api.patch(f"/providers/openai/api-keys/{key.key_id}", {"name": name}))
    apply(api, "/audit/revert", to=start)
    assert [key.name for key in ApiKey.objects.order_by("pk")] == ["default", "second"]


def test_a_sensitive_parameter_waits_for_its_value(api: APIClient, configured: int) -> None:
    body = {"param_name": "extra_headers", "param_value": {"x-team": "hidden-value"}, "is_sensitive": True}
    made(api.post("/providers/openai/connection-params", body))
    there = history.revision()
    assert api.delete("/providers/openai/connection-params/extra_headers").status_code == 204
    answer = apply(api, "/audit/revert", to=there)
    assert answer["missing_secrets"] == ["parameter:openai/extra_headers@"]
    row = ConnectionParameter.objects.get(param_name="extra_headers")
    assert (row.is_sensitive, row.secret_value, row.value) == (True, None, None)
    shown = api.get("/providers/openai/connection-params/extra_headers").json()
    assert (shown["param_value"], shown["state"]) == (None, "awaiting_secret")
    # And a snapshot is still built.
    assert snapshot_part(environment="development", allow_private=True) is not None
    made(api.patch("/providers/openai/connection-params/extra_headers", {"param_value": {"x-team": "b"}}))
    again = apply(api, "/audit/revert", to=there)
    assert again["steps"] == [] and again["missing_secrets"] == ["parameter:openai/extra_headers@"]


def test_a_revoked_project_key_never_serves_again(api: APIClient, configured: int) -> None:
    text = made(api.post("/projects/search/keys", {"name": "app"}))["key"]
    there, key = history.revision(), ProjectKey.objects.get()
    digest = key.key_hash
    path = f"/projects/search/keys/{key.key_id}"
    assert api.delete(path).status_code == 204
    answer = apply(api, "/audit/revert", to=there)
    assert answer["missing_secrets"] == [f"project_key:search/{key.key_id}"]
    back = ProjectKey.objects.get()
    assert back.key_hash != digest and (back.name, back.enabled, back.last4) == ("app", False, "")
    assert api.get(path).json()["state"] == "awaiting_secret"
    refused = api.patch(path, {"enabled": True})
    assert refused.status_code == 400 and list(refused.json()) == ["enabled"]
    assert apply(api, "/audit/revert", to=there)["steps"] == []
    assert text not in str(answer)


def test_a_disabled_project_key_is_enabled_again(api: APIClient, configured: int) -> None:
    made(api.post("/projects/search/keys", {"name": "app"}))
    key = ProjectKey.objects.get()
    made(api.patch(f"/projects/search/keys/{key.key_id}", {"enabled": False}))
    apply(api, f"/audit/changes/{history.revision()}/revert")
    back = ProjectKey.objects.get()
    assert back.enabled and back.key_hash == key.key_hash
