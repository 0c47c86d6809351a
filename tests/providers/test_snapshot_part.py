"""What of the stored configuration may be called: environments, bindings, bad rows."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from llm.snapshot import ProvidersPart
from llm.spec import Timeouts
from providers import selectors, services
from providers.binding import LONGEST, binding, origin
from providers.models import ApiKey, ConnectionParameter, Provider
from providers.snapshot_part import snapshot_part
from tests.providers.conftest import SECRET

pytestmark = pytest.mark.django_db
BASE = "https://one.example/v1"


def part(environment: str = "development") -> ProvidersPart:
    return snapshot_part(environment=environment, allow_private=True)


def keys(environment: str = "development") -> list[str]:
    return [key.secret for key in part(environment).upstreams["p"].keys]


def make(**fields: Any) -> Provider:
    body = {"provider_id": "p", "provider_type": "openai", "models": [{"model_id": "m"}], **fields}
    body.setdefault("connection_params", {"api_base": BASE})
    return services.create_provider(**body)


def state(name: str = "default") -> str:
    return str(selectors.key_state(selectors.keys_of("p").get(name=name)))


def test_the_whole_of_a_provider() -> None:
    make(
        connection_params={
            "base_url": "https://one.example/v1/",
            "organization": "org",
            "timeout_seconds": 60,
            "verify": False,
            "transport": "aiohttp",
            "extra_headers": {"x-team": "search"},
        },
        connection_parameters=[
            {"param_name": "extra_body", "param_value": {"api_key": "in-body"}, "is_sensitive": True},
            {"param_name": "proxy", "param_value": "http://u:p@proxy.example:3128", "is_sensitive": True},
        ],
        request_settings={
            "timeout_seconds": 1,
            "idle_timeout_seconds": 9,
            "extra_headers": {"x-team": "a", "x-b": "b"},
        },
        api_key={"key_value": SECRET, "weight": 3},
    )
    upstream = part().upstreams["p"]
    assert upstream.base_url == BASE
    assert upstream.headers == {"OpenAI-Organization": "org", "x-team": "search", "x-b": "b"}
    assert upstream.extra_body == {"api_key": "in-body"}
    assert upstream.timeouts == Timeouts(idle=9.0, total=60.0)
    assert (upstream.connection.verify, upstream.connection.allow_private) == (False, True)
    assert upstream.connection.transport == "aiohttp"
    assert upstream.connection.proxy == "http://u:p@proxy.example:3128"
    assert [(key.secret, key.weight) for key in upstream.keys] == [(SECRET, 3)]
    for hidden in (SECRET, "in-body", "u:p@"):
        assert hidden not in repr(upstream)


def test_a_kind_gets_its_own_parameters_and_no_others() -> None:
    params = {"api_base": "https://r.example", "api_version": "2025-04-01-preview", "organization": "org"}
    for provider_id, kind in (("p", "azure_openai"), ("q", "openai")):
        # As a provider has them whose kind was changed.
        provider = make(provider_id=provider_id, provider_type="openai_compatible", connection_params=params)
        services.update_provider(provider=provider, provider_type=kind)
    azure, openai = part().upstreams["p"], part().upstreams["q"]
    assert (azure.options, azure.headers) == ({"api_version": "2025-04-01-preview"}, {})
    assert (openai.options, openai.headers) == ({}, {"OpenAI-Organization": "org"})


@pytest.mark.parametrize(
    ("kind", "entered", "expected"),
    [
        ("openai", None, "https://api.openai.com/v1"),
        ("anthropic", None, "https://api.anthropic.com"),
        ("anthropic", "https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("openai_compatible", "http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
    ],
)
def test_base_urls(kind: str, entered: str | None, expected: str) -> None:
    make(provider_type=kind, connection_params={"api_base": entered} if entered else {})
    assert part().upstreams["p"].base_url == expected


def test_echo_needs_no_key_and_a_kind_without_address_cannot_be_called() -> None:
    make(provider_type="echo", connection_params={})
    assert not part().upstreams["p"].needs_key
    services.create_provider(provider_id="q", provider_type="openai_compatible")
    closed = part().upstreams["q"]
    assert (closed.needs_key, closed.keys) == (True, ())


def test_the_whole_of_a_model() -> None:
    model = {"model_id": "m", "context_window": 8000, "max_tokens": 500, "parameters": {"top_p": 0.5}, "weight": 3}
    make(models=[{**model, "capabilities": ["tools", "JSON mode"]}, {"model_id": "silent"}])
    found, silent = part().models["p", "m"], part().models["p", "silent"]
    assert (found.context_window, found.max_tokens, found.parameters, found.weight) == (8000, 500, {"top_p": 0.5}, 3)
    assert found.capabilities == {"tools", "JSON mode"}
    assert silent.capabilities == frozenset()


def test_only_what_is_enabled() -> None:
    provider = make(models=[{"model_id": "m"}, {"model_id": "off", "enabled": False}])
    services.create_route(
        name="r", targets=[{"model": "p/m"}, {"model": "p/off", "enabled": False}], policy={"retries": 0}
    )
    assert set(part().models) == {("p", "m")}
    route = part().routes["r"]
    assert ([target.model_id for target in route.targets], route.policy.retries) == (["m"], 0)
    services.update_provider(provider=provider, enabled=False)
    assert (part().upstreams, part().models) == ({}, {})


def test_keys_exactly_for_this_environment_beat_those_for_all() -> None:
    make(api_keys=[{"key_value": "for-all"}, {"key_value": "for-prod", "environment": "production"}])
    assert (keys("production"), keys("staging")) == (["for-prod"], ["for-all"])
    services.update_key(key=ApiKey.objects.get(environment="production"), enabled=False)
    assert keys("production") == ["for-all"]


def test_an_exact_parameter_beats_blank() -> None:
    rows = [
        {"param_name": "timeout_seconds", "param_value": 1},
        {"param_name": "timeout_seconds", "param_value": 2, "environment": "production"},
    ]
    make(connection_parameters=rows)
    assert part("production").upstreams["p"].timeouts.total == 2
    assert part("staging").upstreams["p"].timeouts.total == 1


@pytest.mark.parametrize(
    "change",
    [
        {"api_base": "https://evil.example/v1"},
        {"api_base": "http://one.example/v1"},
        {"api_base": "https://one.example:444/v1"},
        {"proxy": "http://evil.example:3128"},
        {"verify": False},
    ],
)
@pytest.mark.parametrize("key", [{"key_value": SECRET}, {"reference": "env:BOUND_API_KEY"}])
def test_a_key_is_sent_only_where_it_was_entered_for(
    change: dict[str, Any], key: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOUND_API_KEY", "sk-env")
    provider = make(api_key=key)
    before = keys()
    assert len(before) == 1
    services.update_provider(provider=provider, connection_params=change)
    assert (keys(), state()) == ([], "awaiting_secret")
    assert part().upstreams["p"].needs_key
    services.update_key(key=ApiKey.objects.get(), **key)
    assert (keys(), state()) == (before, "active")


def test_an_answer_sent_back_does_not_bind_a_reference_anew(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOUND_API_KEY", "sk-env")
    make(api_key={"reference": "env:BOUND_API_KEY"})
    whole = api.get("/providers/p").json()
    whole["connection_params"]["api_base"] = "https://evil.example/v1"
    assert api.put("/providers/p", whole, format="json").status_code == 200
    assert keys() == []
    one = api.get(f"/providers/p/api-keys/{whole['api_keys'][0]['key_id']}").json()
    api.put(f"/providers/p/api-keys/{one['key_id']}", one, format="json")
    assert keys() == []


def test_another_path_at_the_same_origin_and_a_new_key_with_a_new_address_are_fine() -> None:
    provider = make(api_key={"key_value": SECRET})
    services.update_provider(provider=provider, connection_params={"api_base": "https://ONE.example:443/v2"})
    assert keys() == [SECRET]
    services.update_provider(
        provider=provider, connection_params={"api_base": "https://two.example"}, api_key={"key_value": "new-key"}
    )
    assert keys() == ["new-key"]


def test_a_key_for_all_environments_is_bound_to_the_address_of_each() -> None:
    rows = [{"param_name": "api_base", "param_value": "https://prod.example", "environment": "production"}]
    provider = make(connection_parameters=rows, api_key={"key_value": SECRET})
    assert keys("production") == keys("staging") == [SECRET]
    rows[0]["param_value"] = "https://evil.example"
    services.update_provider(provider=provider, connection_parameters=rows)
    assert (keys("production"), keys("staging")) == ([], [SECRET])


def test_a_sensitive_parameter_is_bound_too() -> None:
    row = {"param_name": "extra_headers", "param_value": {"x-auth-token": "hidden"}, "is_sensitive": True}
    provider = make(connection_parameters=[row])
    assert part().upstreams["p"].headers == {"x-auth-token": "hidden"}
    services.update_provider(provider=provider, connection_params={"api_base": "https://evil.example"})
    assert part().upstreams["p"].headers == {}


def test_without_its_proxy_a_provider_is_not_called(settings: Any) -> None:
    row = {"param_name": "proxy", "param_value": "http://u:p@proxy.example:3128", "is_sensitive": True}
    make(provider_type="openai_compatible", connection_parameters=[row])
    settings.FERNET_KEYS = ["lost"]
    upstream = part().upstreams["p"]
    assert (upstream.needs_key, upstream.keys) == (True, ())


def test_bad_keys_are_left_out_and_said(caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    provider = make(api_keys=[{"name": "good", "reference": "env:GOOD_API_KEY"}, {"name": "lost", "key_value": SECRET}])
    for name in ("ends", "off"):
        services.create_key(provider=provider, name=name, key_value=SECRET)
    services.update_key(key=ApiKey.objects.get(name="off"), enabled=False)
    soon = timezone.now() + timedelta(days=1)
    services.update_key(key=ApiKey.objects.get(name="ends"), expires_at=soon)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_apikey SET expires_at = %s WHERE name = 'ends'", [soon - timedelta(days=2)])
    settings.FERNET_KEYS = ["a-new-one"]
    with caplog.at_level(logging.WARNING, "providers"):
        assert keys() == []
    assert SECRET not in caplog.text
    assert {record.state for record in caplog.records} == {"undecryptable", "awaiting_secret"}
    states = {name: state(name) for name in ("good", "lost", "ends", "off")}
    expected = {"good": "awaiting_secret", "lost": "undecryptable", "ends": "expired", "off": "disabled"}
    assert states == expected


def test_one_bad_provider_does_not_take_the_others_down() -> None:
    make()
    for name in ("odd", "gone"):
        services.create_provider(provider_id=name, provider_type="echo", models=[{"model_id": "x"}])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_provider SET provider_type = 'removed' WHERE provider_id = 'gone'")
        cursor.execute("UPDATE providers_providermodel SET parameters = '[1]' WHERE provider_id = 'odd'")
    assert set(part().upstreams) == {"p"}
    assert set(part().models) == {("p", "m")}


def test_a_binding_holds_no_password_and_fits() -> None:
    make(connection_parameters=[{"param_name": "proxy", "param_value": "http://u:pw@proxy:1", "is_sensitive": True}])
    rows = list(ConnectionParameter.objects.all())
    text = binding(kind="openai", rows=rows, environment="production")
    assert text == "https://one.example:443|proxy=http://proxy:1|verify=true"
    rows[0].value = f"https://{'a.' * 120}example"
    assert all(len(binding(kind="openai", rows=rows, environment=name)) <= LONGEST for name in ("staging", ""))


@given(st.from_regex(r"https?://[A-Za-z0-9.-]{1,20}(:[1-9][0-9]{0,3})?(/[a-z]{0,5})?", fullmatch=True))
def test_origins_have_no_spaces_and_always_a_port(url: str) -> None:
    assert " " not in origin(url)
    assert origin(url).rpartition(":")[2].isdigit()
    assert origin(url) == origin(url.upper().replace("HTTPS:", "https:").replace("HTTP:", "http:"))


def test_a_fingerprint_tells_one_value_of_a_key_from_the_next(tmp_path: Path) -> None:
    """Also of a reference, whose value changes without anybody's writing."""
    file = tmp_path / "key"
    file.write_text(SECRET)
    with override_settings(SECRETS_DIR=str(tmp_path)):
        make(api_keys=[{"key_value": SECRET}, {"name": "referred", "reference": "file:key"}])
        stored, referred = part().upstreams["p"].keys
        assert stored.fingerprint == referred.fingerprint == ApiKey.objects.get(name="default").fingerprint
        assert len(stored.fingerprint) == 16 and SECRET not in repr(part())
        file.write_text(f"{SECRET}-rotated")
        again = {key.key_id: key.fingerprint for key in part().upstreams["p"].keys}
    assert again[stored.key_id] == stored.fingerprint
    assert again[referred.key_id] not in ("", referred.fingerprint)
