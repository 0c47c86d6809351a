"""GET /status, and the dashboard's word about keys that end soon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from access import roles
from access import services as access_services
from audit import attempt_rollups, call_store, health_events, history
from providers import services, testing
from providers.models import ApiKey, Provider
from tests.providers.conftest import SECRET
from tests.support.health import event
from tests.support.made_calls import failover_trace
from tests.support.records import record

pytestmark = pytest.mark.django_db


def ask(api: APIClient) -> dict[str, dict[str, Any]]:
    answer = api.get("/status")
    assert answer.status_code == 200, answer.content
    assert answer.json()["revision"] == history.revision() and answer.json()["environment"] == "development"
    assert SECRET not in answer.content.decode()
    return {one["provider_id"]: one for one in answer.json()["providers"]}


def test_each_provider_with_its_state(api: APIClient, openai: dict[str, Any]) -> None:
    services.create_provider(provider_id="bare", provider_type="echo")
    services.create_provider(provider_id="keyless", provider_type="openai", models=[{"model_id": "m"}])
    services.create_provider(provider_id="off", provider_type="echo", enabled=False, models=[{"model_id": "m"}])
    told = ask(api)
    assert {name: one["state"] for name, one in told.items()} == {
        "bare": "no_model",
        "keyless": "no_usable_key",
        "off": "disabled",
        "openai": "ready",
    }
    [key] = told["openai"]["keys"]
    assert (key["key_id"], key["state"]) == (openai["api_keys"][0]["key_id"], "active")
    assert told["openai"]["last_test"] is None and told["openai"]["error_rate"] is None


def test_the_error_rate_of_the_last_hour(api: APIClient, openai: dict[str, Any]) -> None:
    now = timezone.now()
    long_ago = now - timedelta(hours=5)
    call_store.insert([record(now), record(now), record(now, status="failed", http_status=500), record(long_ago)])
    told = ask(api)["openai"]
    assert (told["requests"], told["failed"], told["error_rate"]) == (3, 1, 0.333333)
    assert told["last_call_at"] is not None


def test_attempts_that_another_provider_saved_count_as_failures_too(api: APIClient, openai: dict[str, Any]) -> None:
    services.create_provider(provider_id="anthropic", provider_type="anthropic")
    now = timezone.now()
    trace = failover_trace()
    records = [record(now, provider="anthropic", trace=trace), record(now, provider="anthropic", trace=trace)]
    call_store.insert(records)
    call_store.insert(records)  # read again after a crash
    told = ask(api)
    assert (told["openai"]["requests"], told["openai"]["attempts"], told["openai"]["failed_attempts"]) == (0, 4, 4)
    assert (told["openai"]["error_rate"], told["anthropic"]["error_rate"]) == (1, 0)
    attempt_rollups.forget(now=now + attempt_rollups.KEEP + timedelta(minutes=2))
    assert ask(api)["openai"]["attempts"] == 0


def test_the_last_test_is_shown(api: APIClient) -> None:
    services.create_provider(provider_id="p", provider_type="echo")
    result = testing.run(provider=Provider.objects.get())
    assert not result["success"] and result["tested_at"]
    assert ask(api)["p"]["last_test"] == result


def test_keys_that_end_within_14_days(api: APIClient, openai: dict[str, Any], admin_client: Client) -> None:
    provider, now = Provider.objects.get(), timezone.now()
    for name, days in (("soon", 13.9), ("later", 14.5), ("next", 2)):
        services.create_key(provider=provider, name=name, key_value=SECRET, expires_at=now + timedelta(days=days))
    services.create_key(provider=provider, name="off", key_value=SECRET, expires_at=now + timedelta(3), enabled=False)
    # One that was rotated is to end: another one serves in its place already.
    services.rotate_key(key=ApiKey.objects.get(name="default"), key_value=SECRET + "2")
    told = ask(api)["openai"]["expiring_keys"]
    assert [(one["name"], one["days_left"]) for one in told] == [("next", 2.0), ("soon", 13.9)]
    page = admin_client.get("/admin/").content.decode()
    assert "Keys that end soon" in page and "openai: next" in page and "openai: soon" in page
    assert "openai: later" not in page and "openai: off" not in page and "(old" not in page


def test_without_such_keys_the_dashboard_is_silent(openai: dict[str, Any], admin_client: Client) -> None:
    page = admin_client.get("/admin/")
    assert page.status_code == 200 and "Keys that end soon" not in page.content.decode()


def test_an_ended_key_is_used_no_more(api: APIClient, openai: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    key = ApiKey.objects.get()
    services.update_key(key=key, expires_at=timezone.now() + timedelta(hours=1))
    assert ask(api)["openai"]["state"] == "ready"
    later = timezone.now() + timedelta(hours=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    told = ask(api)["openai"]
    assert (told["state"], told["keys"][0]["state"], told["expiring_keys"]) == ("no_usable_key", "expired", [])


def test_who_may_see_it(openai: dict[str, Any]) -> None:
    roles.ensure_groups()
    client = APIClient()
    assert client.get("/status").status_code == 401
    client.force_authenticate(access_services.create_user(username="nobody", password=None))
    assert client.get("/status/").status_code == 403
    client.force_authenticate(access_services.create_user(username="vera", password=None, groups=["viewer"]))
    assert list(ask(client)) == ["openai"]


def test_it_costs_the_same_however_many_providers_there_are(
    api: APIClient, openai: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        services.create_provider(
            provider_id=f"p{number}", provider_type="openai", api_keys=[{"name": "a", "key_value": SECRET}]
        )
    with django_assert_max_num_queries(14):
        assert len(ask(api)) == 6


def test_breakers_and_open_incidents(api: APIClient, openai: dict[str, Any]) -> None:
    services.create_provider(provider_id="well", provider_type="echo")
    now = timezone.now().timestamp()
    health_events.insert(
        [
            event(0, began=now - 9, kind="key", name="openai/k1", category="auth", until=now + 600),
            event(0, began=now - 8, new="cooling", category="rate_limit", until=now + 60),
            event(0, began=now - 7, kind="model", name="openai/gpt-4o", category="server", new="half_open"),
            event(0, began=now - 9, name="gone"),
        ]
    )
    told = ask(api)
    assert told["well"]["breaker"] == {"state": "closed", "category": "", "until": None, "troubled": []}
    assert told["well"]["open_incidents"] == 0
    breaker = told["openai"]["breaker"]
    assert (breaker["state"], breaker["category"], breaker["until"]) == ("half_open", "server", None)
    assert [(one["kind"], one["name"], one["state"]) for one in breaker["troubled"]] == [
        ("key", "openai/k1", "open"),  # another key may serve: it is not the provider's own state
        ("model", "openai/gpt-4o", "half_open"),
        ("provider", "openai", "cooling"),
    ]
    assert told["openai"]["open_incidents"] == 1
