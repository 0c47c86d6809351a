"""Whoever may do everything still has no way to read a stored key: each way that one might try, through HTTP.

The thief owns a server (`thief`) and has every right in the API; the key was entered for another address.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from audit import history
from providers import services
from providers.models import ApiKey, Provider
from tests.support.installed_gateway import installed
from tests.support.upstream import FakeUpstream
from tests.support.upstream_thread import ThreadedUpstream

pytestmark = pytest.mark.django_db
KEY = "sk-stored-0123456789-abcdefgh"
HEADER = "header-value-0123456789-abcdefgh"
FORM = {"content_type": "application/yaml"}


@pytest.fixture(autouse=True)
def gateway() -> Iterator[None]:
    with installed():
        yield


@pytest.fixture
def home() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread(keys={KEY}) as server:
        yield server


@pytest.fixture
def thief() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread(keys=None) as server:
        yield server
        told = str([(one.path, one.query, dict(one.headers), one.body) for one in server.requests])
        assert KEY not in told and HEADER not in told


@pytest.fixture
def provider(db: Any, home: ThreadedUpstream) -> Provider:
    return services.create_provider(
        provider_id="p",
        provider_type="openai",
        connection_params={"api_base": f"{home.url}/v1"},
        api_key={"key_value": KEY},
        connection_parameters=[
            {"param_name": "extra_headers", "param_value": {"x-team": HEADER}, "is_sensitive": True}
        ],
        models=[{"model_id": "gpt-4o"}],
    )


def asked(api: APIClient) -> list[str]:
    """What test and discovery answer; what they send, the thief's server sees."""
    test = api.post("/providers/p/test", {"model": "gpt-4o"})
    discover = api.post("/providers/p/discover", {})
    assert (test.status_code, discover.status_code) == (200, 200)
    told = test.content.decode() + discover.content.decode()
    assert KEY not in told and HEADER not in told
    return [test.json()["error_code"], discover.json()["error"]]


def refused(api: APIClient) -> None:
    code, error = asked(api)
    assert code == "upstream_credentials_exhausted" and "No usable key" in error
    states = [key["state"] for key in api.get("/providers/p/api-keys").json()["results"]]
    assert set(states) <= {"awaiting_secret", "disabled", "other_environment"}


def test_at_home_it_works(api: APIClient, provider: Provider, home: ThreadedUpstream) -> None:
    assert asked(api) == [None, None]
    assert [one.headers["authorization"] for one in home.requests] == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize("way", ["put", "params", "alias", "parameters", "environment", "admin"])
def test_through_api_base(
    api: APIClient, provider: Provider, thief: ThreadedUpstream, admin_client: Client, way: str
) -> None:
    url = f"{thief.url}/v1"
    params = "/providers/p/connection-params"
    if way == "put":
        answer = api.put("/providers/p", {"connection_params": {"api_base": url}})
    elif way == "parameters":
        answer = api.put("/providers/p", {"connection_parameters": [{"param_name": "api_base", "param_value": url}]})
    elif way == "admin":
        row = provider.connection_parameters.get(param_name="api_base")
        form = {"plain_value": url, "environment": ""}
        answer = admin_client.post(f"/admin/providers/connectionparameter/{row.pk}/change/", form)
    else:
        name = "base_url" if way == "alias" else "api_base"
        environment = "development" if way == "environment" else ""
        answer = api.post(params, {"param_name": name, "param_value": url, "environment": environment})
    assert answer.status_code in (200, 201, 302), answer.content
    refused(api)
    assert not thief.requests


def test_through_another_port_and_another_scheme(api: APIClient, provider: Provider, home: ThreadedUpstream) -> None:
    for url in (home.url_for("localhost"), home.url.replace("http", "https", 1)):
        assert api.put("/providers/p", {"connection_params": {"api_base": f"{url}/v1"}}).status_code == 200
        refused(api)
    assert not home.requests


def test_through_a_proxy_and_without_verification(
    api: APIClient, provider: Provider, thief: ThreadedUpstream, home: ThreadedUpstream
) -> None:
    for name, value in (("proxy", thief.url), ("verify", False)):
        assert api.put("/providers/p", {"connection_params": {name: value}}).status_code == 200
        refused(api)
        assert api.delete(f"/providers/p/connection-params/{name}").status_code == 204
    secret_proxy = {"param_name": "proxy", "param_value": thief.url, "is_sensitive": True}
    assert api.post("/providers/p/connection-params", secret_proxy).status_code == 201
    refused(api)
    assert not thief.requests and not home.requests


def test_through_another_kind(api: APIClient, provider: Provider, home: ThreadedUpstream) -> None:
    """Another kind without an api_base has another address; the same address with another kind is still the same."""
    assert api.delete("/providers/p/connection-params/api_base").status_code == 204
    assert api.put("/providers/p", {"provider_type": "anthropic"}).status_code == 200
    refused(api)
    assert not home.requests


def test_through_a_provider_made_anew(api: APIClient, provider: Provider, thief: ThreadedUpstream) -> None:
    whole = api.get("/providers/p").json()
    whole["connection_params"] = {"api_base": f"{thief.url}/v1"}
    whole["connection_parameters"] = []
    for key in whole["api_keys"]:
        key.pop("key_id")
    answer = api.post("/providers", {**whole, "provider_id": "copy"})
    assert answer.status_code == 400, "an answer sent back holds no value, so no key is made of it"
    assert not Provider.objects.filter(provider_id="copy").exists()


def test_through_rotation_and_masks(api: APIClient, provider: Provider, thief: ThreadedUpstream) -> None:
    key = api.get("/providers/p/api-keys").json()["results"][0]
    path = f"/providers/p/api-keys/{key['key_id']}"
    told = api.post(f"{path}/rotate", {"key_value": "sk-own-0123456789-abcdefgh", "grace_hours": 99})
    assert KEY not in told.content.decode()
    assert api.put("/providers/p", {"connection_params": {"api_base": f"{thief.url}/v1"}}).status_code == 200
    own = told.json()["key_id"]
    assert api.patch(f"/providers/p/api-keys/{own}", {"key_value": "sk-own-0123456789-abcdefgh"}).status_code == 200
    api.patch(path, {"weight": 100, "expires_at": None, "enabled": True, "name": "mine"})
    code, _ = asked(api)
    assert code is None and thief.requests  # with the thief's own key: the old one stays where it was entered for
    assert api.get(path).json()["state"] == "awaiting_secret"


def test_through_export_and_import(api: APIClient, provider: Provider, thief: ThreadedUpstream) -> None:
    text = api.get("/config/export").content.decode()
    written = io.StringIO()
    call_command("export_config", stdout=written)
    for told in (text, written.getvalue()):
        assert KEY not in told and HEADER not in told
    configuration = yaml.safe_load(text)
    own = configuration["providers"]["p"]
    own["connection_params"]["api_base"] = f"{thief.url}/v1"
    configuration["providers"]["copy"] = own
    answer = api.generic("POST", "/config/import?dry_run=false", yaml.safe_dump(configuration), **FORM)
    assert answer.status_code == 200, answer.content
    assert KEY not in answer.content.decode()
    refused(api)
    for key in ApiKey.objects.filter(provider="copy"):
        assert not key.secret and not key.enabled
    assert not thief.requests


def test_through_reverts(api: APIClient, provider: Provider, thief: ThreadedUpstream, home: ThreadedUpstream) -> None:
    """To an address of the past, and of a key that was deleted, or that was entered for another address."""
    away = {"connection_params": {"api_base": f"{thief.url}/v1"}}
    assert api.put("/providers/p", away).status_code == 200
    at_the_thief = history.revision()
    back = {"connection_params": {"api_base": f"{home.url}/v1"}, "api_key": {"key_value": KEY}}
    assert api.put("/providers/p", back).status_code == 200
    assert asked(api)[0] is None
    _revert(api, at_the_thief)
    refused(api)
    assert api.delete("/providers/p").status_code == 204
    _revert(api, at_the_thief)
    refused(api)
    assert not any(key.secret for key in ApiKey.objects.all())
    assert not thief.requests


def _revert(api: APIClient, to: int) -> None:
    plan = api.post("/audit/revert", {"to": to})
    assert plan.status_code == 200, plan.content
    assert KEY not in plan.content.decode() and HEADER not in plan.content.decode()
    body = {"to": to, "dry_run": False, "plan_hash": plan.json()["plan_hash"]}
    done = api.post("/audit/revert", body)
    assert done.status_code == 200, done.content
    assert KEY not in done.content.decode() and HEADER not in done.content.decode()


def test_on_no_page_and_in_no_answer(
    api: APIClient, provider: Provider, admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    asked(api)
    key = provider.api_keys.get()
    api.post(f"/providers/p/api-keys/{key.key_id}/rotate", {"key_value": KEY + "2"})
    api.delete(f"/providers/p/api-keys/{key.key_id}")
    newest = history.revision()
    answers = ["/providers", "/providers/p", "/providers/p/api-keys", "/providers/p/connection-params", "/status"]
    answers += [f"/audit/config?revision={newest}", f"/audit/diff?from=0&to={newest}", "/config/export", "/schema"]
    answers += ["/audit/changes", *(f"/audit/changes/{number}" for number in range(1, newest + 1))]
    for path in answers:
        answer = api.get(path)
        assert answer.status_code == 200, (path, answer.content)
        assert KEY not in answer.content.decode() and HEADER not in answer.content.decode(), path
    for path in _pages(admin_client, "/admin/"):
        page = admin_client.get(path)
        assert KEY not in page.content.decode() and HEADER not in page.content.decode(), path
    assert KEY not in caplog.text and HEADER not in caplog.text


def _pages(client: Client, first: str) -> list[str]:
    """Every page of the admin that links lead to, without those that end the session or ask for another order."""
    found, left = [], [first]
    while left:
        path = left.pop()
        if path in found or re.search(r"logout|password|/(jsi18n|autocomplete)|\?", path):
            continue
        found.append(path)
        answer = client.get(path)
        if answer.status_code == 200:
            left += [one for one in re.findall(r'href="(/admin/[^"#]*)"', answer.content.decode()) if one not in found]
    assert len(found) > 20, found
    return found
