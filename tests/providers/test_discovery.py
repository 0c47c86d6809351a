"""POST /providers/{id}/discover through HTTP: real SDKs and a provider on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from access import roles
from access import services as access_services
from audit import history
from providers import catalogue, discovery_wire, services
from providers.models import Provider, ProviderModel
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import answer, held, redirect
from tests.support.upstream_thread import ThreadedUpstream

pytestmark = pytest.mark.django_db
KEY = "sk-test-0123456789-abcdefgh"
LISTED = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "whisper-1")


@pytest.fixture
def upstream() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread(keys={KEY}, models=LISTED) as server:
        yield server


@pytest.fixture
def bare() -> Iterator[ThreadedUpstream]:
    """A server that looks at no key, for lists in other shapes."""
    with FakeUpstream.in_thread(keys=None, models=()) as server:
        yield server


def make(base: str, kind: str = "openai", **fields: Any) -> Provider:
    given = {"models": [{"model_id": "gpt-4o"}, {"model_id": "old"}, {"model_id": "*"}], **fields}
    given.setdefault("api_key", {"key_value": KEY})
    return services.create_provider(provider_id="p", provider_type=kind, connection_params={"api_base": base}, **given)


def ask(api: APIClient, **body: Any) -> dict[str, Any]:
    told = api.post("/providers/p/discover", body)
    assert told.status_code == 200, told.content
    return told.json()


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["model_id"] for item in items]


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openai_compatible"])
def test_new_known_and_gone(api: APIClient, upstream: ThreadedUpstream, kind: str) -> None:
    make(upstream.url if kind == "anthropic" else f"{upstream.url}/v1", kind)
    before = history.revision()
    told = ask(api)
    assert (told["success"], told["error"], told["added"]) == (True, None, [])
    assert ids(told["new"]) == ["gpt-4o-mini", "text-embedding-3-small", "whisper-1"]
    assert ids(told["known"]) == ["gpt-4o"] and told["known"][0]["enabled"] is True
    assert told["gone"] == [{"model_id": "old", "display_name": "", "enabled": True}]
    assert history.revision() == before and ProviderModel.objects.count() == 3
    [request] = upstream.requests
    assert (request.method, request.path) == ("GET", "/v1/models")


def test_windows_prices_and_types(api: APIClient, upstream: ThreadedUpstream) -> None:
    make(f"{upstream.url}/v1")
    new = {item["model_id"]: item for item in ask(api)["new"]}
    mini = new["gpt-4o-mini"]
    assert mini["context_window"] == 128_000 and mini["model_type"] == "chat"
    [price] = mini["prices"]
    assert (price["input"], price["output"]) == (150_000_000, 600_000_000)
    assert new["text-embedding-3-small"]["model_type"] == "embedding" and new["whisper-1"]["model_type"] == "audio"


def test_the_chosen_ones_are_added_in_one_change_set(api: APIClient, upstream: ThreadedUpstream) -> None:
    make(f"{upstream.url}/v1")
    before = history.revision()
    told = ask(api, apply=["gpt-4o-mini", "whisper-1", "gpt-4o", "whisper-1"], reason="as they told us")
    assert told["added"] == ["gpt-4o-mini", "whisper-1"]
    assert history.revision() == before + 1
    row = ProviderModel.objects.get(model_id="gpt-4o-mini")
    assert (row.context_window, row.prices[0]["input"], row.enabled) == (128_000, 150_000_000, True)
    assert set(ids(ask(api)["known"])) == {"gpt-4o", "gpt-4o-mini", "whisper-1"}
    again = ask(api, apply=["gpt-4o-mini"])
    assert again["added"] == [] and history.revision() == before + 1


def test_what_is_not_listed_is_not_added(api: APIClient, upstream: ThreadedUpstream) -> None:
    make(f"{upstream.url}/v1")
    before = history.revision()
    told = api.post("/providers/p/discover/", {"apply": ["whisper-1", "invented"]})
    assert (told.status_code, list(told.json())) == (400, ["apply"])
    assert "invented" in str(told.json()) and history.revision() == before
    for wrong in ({"apply": "whisper-1"}, {"apply": [7]}, {"aply": []}):
        assert api.post("/providers/p/discover", wrong).status_code == 400


def test_gemini_in_pages(api: APIClient, bare: ThreadedUpstream) -> None:
    flash = {
        "name": "models/gemini-2.5-flash",
        "displayName": "Gemini 2.5 Flash",
        "inputTokenLimit": 1_000_000,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    embedding = {"name": "models/gemini-embedding-001", "supportedGenerationMethods": ["embedContent"]}
    bare.script(
        answer(json_body={"models": [flash], "nextPageToken": "a&b"}), answer(json_body={"models": [embedding]})
    )
    make(bare.url, "gemini", models=[])
    first, second = ask(api)["new"]
    assert (first["model_id"], first["display_name"]) == ("gemini-2.5-flash", "Gemini 2.5 Flash")
    assert (first["context_window"], first["max_tokens"], first["model_type"]) == (1_000_000, 65_536, "chat")
    assert first["prices"][0]["output"] == 2_500_000_000
    assert (second["model_id"], second["model_type"]) == ("gemini-embedding-001", "embedding")
    assert [request.path for request in bare.requests] == ["/v1beta/models"] * 2
    assert "pageToken=a%26b" in bare.requests[1].query
    assert bare.requests[0].headers["x-goog-api-key"] == KEY and "authorization" not in bare.requests[0].headers


@pytest.mark.parametrize("shape", ["list", "object"])
def test_compatible_servers_list_in_their_own_ways(api: APIClient, bare: ThreadedUpstream, shape: str) -> None:
    models = [{"id": "meta-llama/Llama-3:free", "name": "Lla\x00ma", "context_length": 8192}]
    models += [{"id": "bad#id"}, {"id": "half \ud800"}, {"id": "no\x00l"}]  # no names of models
    bare.default = answer(body=json.dumps(models if shape == "list" else {"data": models}).encode())
    make(f"{bare.url}/api", "openai_compatible", models=[])
    [one] = ask(api)["new"]
    assert (one["model_id"], one["display_name"], one["context_window"]) == ("meta-llama/Llama-3:free", "Llama", 8192)
    assert ask(api, apply=["meta-llama/Llama-3:free"])["added"] == ["meta-llama/Llama-3:free"]
    assert api.get("/providers/p/models/meta-llama/Llama-3:free/").json()["context_window"] == 8192


def test_only_the_bound_key_goes_out(
    api: APIClient, upstream: ThreadedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the SDKs would find in the environment stays here."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of-the-environment")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-leak: of-the-environment")
    provider = make(f"{upstream.url}/v1")
    assert ask(api)["success"]
    services.delete_provider(provider=provider)
    make(upstream.url, "anthropic")
    assert ask(api)["success"]
    openai, anthropic = upstream.requests
    assert openai.headers["authorization"] == f"Bearer {KEY}" and anthropic.headers["x-api-key"] == KEY
    assert "of-the-environment" not in str([dict(one.headers) for one in upstream.requests])
    assert "authorization" not in anthropic.headers and anthropic.headers["anthropic-version"]


def test_a_key_is_not_sent_where_it_was_not_entered_for(
    api: APIClient, upstream: ThreadedUpstream, bare: ThreadedUpstream
) -> None:
    make(f"{upstream.url}/v1")
    assert api.put("/providers/p", {"connection_params": {"api_base": f"{bare.url}/v1"}}).status_code == 200
    told = ask(api)
    assert (told["success"], "No usable key" in told["error"]) == (False, True)
    assert not bare.requests and not upstream.requests


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "openai_compatible"])
def test_the_address_policy_holds(api: APIClient, upstream: ThreadedUpstream, kind: str, settings: Any) -> None:
    make(f"{upstream.url}/v1", kind)
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    told = ask(api)
    assert (told["success"], "policy" in told["error"]) == (False, True)
    assert not upstream.requests


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openai_compatible"])
def test_redirects_are_not_followed(
    api: APIClient, upstream: ThreadedUpstream, bare: ThreadedUpstream, kind: str
) -> None:
    bare.default = redirect(f"{upstream.url}/v1/models")
    make(f"{bare.url}/elsewhere", kind)
    told = ask(api)
    assert (told["success"], "redirect" in told["error"]) == (False, True)
    assert not upstream.requests and len(bare.requests) == 1


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openai_compatible", "gemini"])
@pytest.mark.parametrize(
    "behaviour",
    [
        answer(500, json_body={}),
        answer(200, body=b"<html>"),
        answer(200, json_body={"data": [{"no": "id"}], "models": [{}]}),
        answer(200, json_body=7),
        answer(404, json_body={}),
    ],
)
def test_a_list_that_cannot_be_read_is_told(api: APIClient, bare: ThreadedUpstream, kind: str, behaviour: Any) -> None:
    bare.default = behaviour
    make(f"{bare.url}/x", kind)
    told = ask(api, apply=["a"])
    assert told["success"] is False and told["error"] and told["error"] in told["message"]
    assert told["new"] == told["known"] == told["gone"] == told["added"] == []


def test_a_refused_key_is_told_and_not_shown(api: APIClient, upstream: ThreadedUpstream) -> None:
    make(f"{upstream.url}/v1", api_key={"key_value": "sk-wrong-0123456789-abcdefgh"})
    told = ask(api)
    assert "none of the keys" in told["error"] and "sk-wrong" not in str(told)


def test_a_provider_that_says_the_key_is_not_repeated(api: APIClient, bare: ThreadedUpstream) -> None:
    bare.default = answer(json_body={"data": [{"id": f"model-{KEY}", "name": KEY}]})
    make(f"{bare.url}/x", "openai_compatible", models=[])
    assert KEY not in str(ask(api)) and ids(ask(api)["new"]) == ["model-[redacted]"]


def test_it_is_bounded(api: APIClient, bare: ThreadedUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery_wire, "SECONDS", 0.3)
    bare.default = held(answer(json_body={}))
    make(f"{bare.url}/x", "openai_compatible")
    assert not ask(api)["success"]
    bare.release()


def test_kinds_without_a_list(api: APIClient) -> None:
    make("https://x.openai.azure.com", "azure_openai")
    assert "deployments" in ask(api)["error"]
    services.delete_provider(provider=Provider.objects.get())
    services.create_provider(provider_id="p", provider_type="echo")
    assert ids(ask(api, apply=["echo"])["new"]) == ["echo"] and ProviderModel.objects.get().model_id == "echo"


@pytest.mark.parametrize(("group", "status"), [("viewer", 403), ("operator", 200)])
def test_it_needs_the_right_to_change_the_provider(upstream: ThreadedUpstream, group: str, status: int) -> None:
    make(f"{upstream.url}/v1")
    roles.ensure_groups()
    client = APIClient()
    client.default_format = "json"
    assert client.post("/providers/p/discover").status_code == 401
    client.force_authenticate(access_services.create_user(username="someone", password=None, groups=[group]))
    assert client.post("/providers/p/discover").status_code == status
    assert len(upstream.requests) == (status == 200)


def test_to_add_models_needs_its_own_right(upstream: ThreadedUpstream) -> None:
    make(f"{upstream.url}/v1")
    user = access_services.create_user(username="someone", password=None)
    user.user_permissions.set([row for row in _permissions() if row.codename == "change_provider"])
    client = APIClient()
    client.default_format = "json"
    client.force_authenticate(user)
    assert client.post("/providers/p/discover", {}).status_code == 200
    assert client.post("/providers/p/discover", {"apply": ["whisper-1"]}).status_code == 403
    assert not ProviderModel.objects.filter(model_id="whisper-1").exists()


def _permissions() -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(content_type__app_label="providers")


def test_the_catalogue_knows_tiers_and_says_when_it_knows_nothing() -> None:
    sonnet = catalogue.entry("anthropic", "https://api.anthropic.com", "claude-sonnet-4-5")
    assert sonnet.context_window and sonnet.price["input"] == 3_000_000_000
    [tier] = sonnet.price["tiers"]
    assert tier["from_tokens"] == 200_001 and tier["input"] == 6_000_000_000
    assert catalogue.entry("openai", "", "no-such-model") == catalogue.NOTHING
    assert catalogue.entry("openai_compatible", "http://127.0.0.1:1", "gpt-4o") == catalogue.NOTHING
    groq = catalogue.entry("openai_compatible", "https://api.groq.com/openai/v1", "llama-3.1-8b-instant")
    assert groq.price["input"] == 50_000_000
