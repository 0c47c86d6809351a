"""POST /providers/{id}/test through HTTP, against a provider on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from access import roles
from access import services as access_services
from audit import history
from providers import services, testing
from providers.models import Provider, ProviderState
from tests.support import upstream_behaviours as behaviours
from tests.support import upstream_faults as faults
from tests.support.installed_gateway import Records, installed
from tests.support.upstream import FakeUpstream
from tests.support.upstream_thread import ThreadedUpstream

pytestmark = pytest.mark.django_db
KEY = "sk-test-0123456789-abcdefgh"
FIELDS = {
    "success", "message", "provider_id", "model_tested", "response", "duration_ms", "error", "error_code", "tested_at",
}  # fmt: skip


@pytest.fixture
def upstream() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread(keys={KEY}) as server:
        yield server


@pytest.fixture
def records() -> Iterator[Records]:
    with installed() as kept:
        yield kept


def make(upstream: ThreadedUpstream, kind: str = "openai", **fields: Any) -> Provider:
    base = upstream.url if kind in ("anthropic", "gemini") else f"{upstream.url}/v1"
    given = {"models": [{"model_id": "gpt-4o"}], "api_key": {"key_value": KEY}, **fields}
    return services.create_provider(provider_id="p", provider_type=kind, connection_params={"api_base": base}, **given)


def ask(api: APIClient, **body: Any) -> dict[str, Any]:
    answer = api.post("/providers/p/test", body)
    assert answer.status_code == 200, answer.content
    assert answer.json().keys() == FIELDS
    return answer.json()


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "openai_compatible"])
def test_a_real_call_the_way_of_a_live_one(
    api: APIClient, upstream: ThreadedUpstream, records: Records, kind: str
) -> None:
    make(upstream, kind)
    before = history.revision()
    result = ask(api)
    assert (result["success"], result["error"], result["provider_id"]) == (True, None, "p")
    assert result["model_tested"] == "gpt-4o" and result["response"].startswith("echo: Answer with")
    assert result["duration_ms"] >= 0
    [record] = records.all
    assert (record.status, record.provider, record.model, record.end_user) == ("succeeded", "p", "gpt-4o", "root")
    assert (record.tags, record.project, record.route) == ({"door": "test"}, "", "")
    assert len(upstream.requests) == 1
    assert history.revision() == before


def test_the_last_result_is_kept_with_its_time(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    provider = make(upstream)
    assert testing.last(provider) is None
    first = ask(api)
    assert testing.last(Provider.objects.get()) == first
    upstream.default = faults.server_error()
    second = ask(api)
    assert not second["success"]
    assert testing.last(Provider.objects.get()) == second
    assert ProviderState.objects.count() == 1
    assert api.get("/providers/p").json()["last_test"] == second


def test_it_asks_the_cheapest_model_that_chats(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    provider = make(
        upstream,
        models=[
            {"model_id": "gpt-4o"},
            {"model_id": "gpt-4o-mini"},
            {"model_id": "gpt-4.1-nano", "enabled": False},
            {"model_id": "text-embedding-3-small", "model_type": "embedding"},
            {"model_id": "*"},
        ],
    )
    assert ask(api)["model_tested"] == "gpt-4o-mini"
    services.create_model(provider=provider, model_id="own", prices=[{"input": 1, "output": 1}])
    assert ask(api)["model_tested"] == "own"


@pytest.mark.parametrize(
    ("model_type", "response"),
    [
        ("embedding", "an embedding of 2 numbers"),
        ("completion", "one two"),
        ("moderation", "1 results"),
        ("rerank", "1 results"),
    ],
)
def test_other_types_of_models(
    api: APIClient, upstream: ThreadedUpstream, records: Records, model_type: str, response: str
) -> None:
    make(upstream, models=[{"model_id": "other", "model_type": model_type}])
    result = ask(api)
    assert (result["success"], result["model_tested"], result["response"]) == (True, "other", response), result


def test_what_would_cost_too_much_is_not_asked(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    make(upstream, models=[{"model_id": "dall-e-3", "model_type": "image"}])
    assert "no model to test with" in ask(api)["error"]
    assert "cost too much" in ask(api, model="dall-e-3")["error"]
    assert not upstream.requests and not records.all


def test_a_model_may_be_named(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    make(upstream, models=[{"model_id": "gpt-4o"}, {"model_id": "meta-llama/Llama-3:free", "enabled": False}])
    assert ask(api, model="meta-llama/Llama-3:free")["model_tested"] == "meta-llama/Llama-3:free"
    unknown = ask(api, model="nope")
    assert (unknown["success"], unknown["error_code"]) == (False, "model_not_found")
    assert len(upstream.requests) == 1
    answer = api.post("/providers/p/test", {"model": 7})
    assert (answer.status_code, list(answer.json())) == (400, ["model"])
    answer = api.post("/providers/p/test", {"mode": "x"})
    assert (answer.status_code, list(answer.json())) == (400, ["mode"])


def test_a_disabled_provider_is_tested_too(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    make(upstream, enabled=False)
    assert ask(api)["success"]
    assert not Provider.objects.get().enabled


def test_a_fault_is_told_and_not_repeated(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    make(upstream)
    upstream.script(faults.server_error())
    result = ask(api)
    assert (result["success"], result["error_code"], result["response"]) == (False, "upstream_error", None)
    assert result["error"] in result["message"]
    assert len(upstream.requests) == 1
    assert [record.status for record in records.all] == ["failed"]


def test_a_wrong_key_and_no_key(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    provider = make(upstream, api_key={"key_value": "sk-wrong-0123456789-abcdefgh"})
    refused = ask(api)
    assert (refused["success"], refused["error_code"]) == (False, "upstream_credentials_exhausted")
    assert "sk-wrong" not in str(refused)
    services.update_key(key=provider.api_keys.get(), enabled=False)
    assert ask(api)["error_code"] == "upstream_credentials_exhausted"
    assert len(upstream.requests) == 1


def test_a_provider_that_is_not_there(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    provider = make(upstream)
    services.set_parameter(provider=provider, param_name="api_base", param_value="http://127.0.0.1:1/v1")
    services.update_key(key=provider.api_keys.get(), key_value=KEY)
    result = ask(api)
    assert (result["success"], result["error_code"]) == (False, "upstream_error")
    assert "127.0.0.1" not in str(result)


def test_it_is_bounded(
    api: APIClient, upstream: ThreadedUpstream, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "SECONDS", 0.3)
    make(upstream)
    upstream.script(behaviours.held(behaviours.text("late")))
    result = ask(api)
    assert (result["success"], result["error_code"]) == (False, "upstream_timeout")
    assert 250 <= result["duration_ms"] < 5_000
    upstream.release()


def test_a_long_answer_is_cut_and_never_shows_the_key(
    api: APIClient, upstream: ThreadedUpstream, records: Records
) -> None:
    make(upstream)
    upstream.script(behaviours.text(f"I was sent {KEY} " + "x" * 500))
    result = ask(api)
    assert len(result["response"]) == 200 and result["response"].startswith("I was sent [redacted] x")
    upstream.script(faults.refuse(400, f"bad key {KEY}"))
    assert KEY not in str(ask(api))
    assert KEY not in str(list(ProviderState.objects.values()))


def test_several_at_once(upstream: ThreadedUpstream, records: Records) -> None:
    make(upstream)
    services.create_provider(provider_id="empty", provider_type="echo")
    results = testing.run_all(providers=list(Provider.objects.all()), user="root")
    assert [(one["provider_id"], one["success"]) for one in results] == [("empty", False), ("p", True)]


def test_the_echo_needs_no_network(api: APIClient, records: Records) -> None:
    services.create_provider(provider_id="p", provider_type="echo", models=[{"model_id": "echo"}])
    assert ask(api)["response"].startswith("Echo: Answer")


@pytest.mark.parametrize(("group", "status"), [("viewer", 403), ("operator", 200), ("admin", 200)])
def test_it_needs_the_right_to_change_the_provider(
    upstream: ThreadedUpstream, records: Records, group: str, status: int
) -> None:
    make(upstream)
    roles.ensure_groups()
    client = APIClient()
    client.default_format = "json"
    assert client.post("/providers/p/test").status_code == 401
    client.force_authenticate(access_services.create_user(username="someone", password=None, groups=[group]))
    assert client.post("/providers/p/test").status_code == status
    assert len(upstream.requests) == (status == 200)
    assert client.post("/providers/nope/test/").status_code == (404 if status == 200 else 403)
    assert client.get("/providers/p/test").status_code in (403, 405)


def test_what_no_database_holds_is_left_out(api: APIClient, upstream: ThreadedUpstream, records: Records) -> None:
    make(upstream)
    choice = {"index": 0, "message": {"role": "assistant", "content": "a\x00b"}, "finish_reason": "stop"}
    upstream.script(behaviours.answer(json_body={"id": "1", "object": "chat.completion", "choices": [choice]}))
    assert ask(api)["response"] == "ab"
    upstream.script(behaviours.answer(400, json_body={"error": {"message": "no\x00good"}}))
    assert "nogood" in ask(api)["error"]
    assert api.post("/providers/p/test", {"model": "a\x00b"}).status_code == 400
