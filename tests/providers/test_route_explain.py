"""POST /routes/{name}/explain: what a given call would do now, without making it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from rest_framework.test import APIClient

from audit import calls, history, rollups
from audit.health_models import HealthState
from audit.models import Call
from providers import services
from providers.models import ApiKey, ProviderModel
from tests.providers.test_routes import JSON, KEY, provider, route
from tests.support.made_calls import call

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CHAT = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def two(api: APIClient) -> None:
    """The route `fast`: a/m, then b/n; b/n may be called with two keys."""
    provider(api, "a", {"model_id": "m"})
    provider(api, "b", {"model_id": "n"})
    services.create_key(provider=ApiKey.objects.get(provider="b").provider, name="second", key_value=KEY + "2")
    route(api, [{"model": "a/m"}], [{"model": "b/n"}])


def explained(api: APIClient, **question: Any) -> Any:
    answer = api.post("/routes/fast/explain", question, format=JSON)
    assert answer.status_code == 200, answer.json()
    return answer.json()["plan"]


def order(plan: Any) -> list[tuple[str, str]]:
    return [(one["model"], one["role"]) for one in plan["candidates"]]


def key_of(name: str) -> str:
    return str(ApiKey.objects.filter(provider=name).order_by("name").first().key_id)


def trouble(kind: str, name: str, state: str, category: str, seconds: float = 60) -> datetime:
    now = timezone.now()
    until = now + timedelta(seconds=seconds)
    HealthState.objects.create(
        kind=kind,
        name=name,
        provider=name.partition("/")[0],
        state=state,
        category=category,
        since=now,
        told_at=now,
        until=until,
        cause="calls",
    )
    return until


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_call_that_asks_for_nothing_in_particular(api: APIClient, two: None) -> None:
    before = history.revision()
    plan = explained(api)
    assert list(plan) == ["strategy", "candidates", "skipped", "error", "budget_seconds"]
    assert (plan["strategy"], plan["skipped"], plan["error"], plan["budget_seconds"]) == ("priority", [], None, 600.0)
    assert order(plan) == [("a/m", "target"), ("b/n", "fallback"), ("b/n", "fallback")]
    assert plan["candidates"][0] == {"model": "a/m", "key": key_of("a"), "role": "target", "cooling_until": None}
    assert {one["key"] for one in plan["candidates"][1:]} == {key.key_id for key in ApiKey.objects.filter(provider="b")}
    assert explained(api, body=CHAT)["candidates"][0] == plan["candidates"][0]
    assert history.revision() == before and not Call.objects.exists()
    assert KEY not in str(plan)


def test_the_fields_of_before_stay(api: APIClient, two: None) -> None:
    resolved = api.get("/routes/fast/resolved").json()
    whole = api.post("/routes/fast/explain", {"body": CHAT}, format=JSON).json()
    assert {name: whole[name] for name in resolved} == resolved
    assert whole.keys() - resolved.keys() == {"plan"}


def test_what_is_broken_is_passed_over_and_what_is_limited_waits(api: APIClient, two: None) -> None:
    until = trouble("provider", "a", "open", "connection")
    cooling = trouble("key", f"b/{key_of('b')}", "cooling", "rate_limit", 30)
    trouble("model", "c/other", "open", "server")
    plan = explained(api, body=CHAT)
    assert order(plan) == [("b/n", "fallback"), ("b/n", "fallback")]
    waits = {one["key"]: one["cooling_until"] for one in plan["candidates"]}
    assert moment(waits[key_of("b")]) == cooling
    assert sorted(waits.values(), key=str)[1:] == [None]
    [skipped] = plan["skipped"]
    assert (skipped["model"], skipped["role"], skipped["key"]) == ("a/m", "target", "")
    assert skipped["reason"] == "breaker open: provider a (connection)"
    assert moment(skipped["until"]) == until


def test_where_nothing_is_left_the_call_fails_as_a_call_would(api: APIClient, two: None) -> None:
    for name in ("a", "b"):
        trouble("provider", name, "open", "server")
    plan = explained(api, body=CHAT)
    assert (plan["candidates"], plan["error"]["code"], plan["error"]["status"]) == ([], "no_healthy_upstream", 503)
    assert {one["model"] for one in plan["skipped"]} == {"a/m", "b/n"}


def test_keys_that_were_all_refused(api: APIClient) -> None:
    provider(api, "a", {"model_id": "m"})
    route(api, [{"model": "a/m"}])
    trouble("key", f"a/{key_of('a')}", "open", "auth")
    plan = explained(api)
    assert (plan["error"]["code"], plan["error"]["status"]) == ("upstream_credentials_exhausted", 502)
    [skipped] = plan["skipped"]
    assert (skipped["key"], skipped["reason"]) == (key_of("a"), f"key refused: {key_of('a')} (auth)")


def test_a_body_goes_where_it_can_be_served(api: APIClient, two: None) -> None:
    model = ProviderModel.objects.get(model_id="m")
    services.update_model(model=model, capabilities=["text"], context_window=100)
    look = {"messages": [{"role": "user", "content": [PICTURE]}]}
    plan = explained(api, body=look)
    assert {model for model, _ in order(plan)} == {"b/n"}
    [skipped] = plan["skipped"]
    assert (skipped["model"], skipped["reason"]) == ("a/m", "capability missing: vision")
    assert skipped["until"] is None
    services.update_model(model=ProviderModel.objects.get(model_id="n"), capabilities=["text"])
    refused = explained(api, body=look)
    assert (refused["error"]["code"], refused["error"]["status"]) == ("invalid_request", 400)
    assert refused["candidates"] == []
    long = {"messages": [{"role": "user", "content": "word " * 2000}]}
    plan = explained(api, body=long)
    assert {model for model, _ in order(plan)} == {"b/n"}
    assert "window" in plan["skipped"][0]["reason"]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("chat/completions", CHAT),
        ("responses", {"input": "Hello"}),
        ("messages", {**CHAT, "max_tokens": 10, "model": "whatever"}),
    ],
)
def test_each_endpoint_reads_its_own_body(api: APIClient, two: None, endpoint: str, body: Any) -> None:
    assert order(explained(api, endpoint=endpoint, body=body))[0] == ("a/m", "target")


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"body": {}}, "body.messages"),
        ({"body": {"messages": "Hello"}}, "body.messages"),
        ({"body": {**CHAT, "temperature": "hot"}}, "body.temperature"),
        ({"body": {}, "endpoint": "responses"}, "body.input"),
        ({"body": {**CHAT, "stop_sequences": "x"}, "endpoint": "messages"}, "body.stop_sequences"),
        ({"body": [CHAT]}, "body"),
        ({"body": None}, "body"),
        ({"endpoint": "embeddings"}, "endpoint"),
        ({"endpoint": 1}, "endpoint"),
        ({"project": "nobody"}, "project"),
        ({"project": 1}, "project"),
        ({"session": ["x"]}, "session"),
        ({"session": "x" * 257}, "session"),
        ({"model": "fast"}, "model"),
    ],
)
def test_a_question_that_is_none_is_refused_by_its_field(api: APIClient, two: None, question: Any, field: str) -> None:
    answer = api.post("/routes/fast/explain", question, format=JSON)
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize(
    "messages", ["[1e999]", '["\\ud800"]', f"{'[' * 100_000}{']' * 100_000}", '[{"content": [NaN]}]']
)
def test_what_json_can_say_and_nobody_means(api: APIClient, two: None, messages: str) -> None:
    body = f'{{"body": {{"messages": {messages}}}}}'
    answer = api.post("/routes/fast/explain", body, content_type="application/json")
    assert answer.status_code in (200, 400), answer.content


@pytest.mark.parametrize("depth", [900, 930, 950])
def test_a_body_that_is_nested_to_the_limit(api: APIClient, two: None, depth: int) -> None:
    body = f'{{"body": {{"messages": {"[" * depth}{"]" * depth}}}}}'
    answer = api.post("/routes/fast/explain", body, content_type="application/json")
    assert answer.status_code in (200, 400), answer.content


def test_a_project_that_may_not_use_the_route(api: APIClient, two: None) -> None:
    for slug, allowed in (("may", ["fast"]), ("maynot", ["a/m"])):
        made = {"slug": slug, "name": slug, "allowed_models": allowed}
        assert api.post("/projects", made, format=JSON).status_code == 201
    assert order(explained(api, project="may")) == order(explained(api))
    plan = explained(api, project="maynot")
    assert (plan["error"]["code"], plan["error"]["status"], plan["candidates"]) == ("model_not_found", 404, [])
    assert plan["strategy"] == "priority"
    api.patch("/projects/may", {"enabled": False}, format=JSON)
    gone = api.post("/routes/fast/explain", {"project": "may"}, format=JSON)
    assert gone.json() == {"project": ["There is no such project, or it is disabled here."]}


def test_a_project_is_asked_about_only_by_those_who_see_projects(two: None) -> None:
    user = User.objects.create_user("viewer")
    user.user_permissions.set(Permission.objects.filter(codename="view_route"))
    client = APIClient()
    client.force_authenticate(user)
    assert client.post("/routes/fast/explain", {"body": CHAT}, format=JSON).status_code == 200
    assert client.post("/routes/fast/explain", {"project": "default"}, format=JSON).status_code == 403


def test_a_disabled_route_is_not_found(api: APIClient, two: None) -> None:
    api.patch("/routes/fast", {"enabled": False}, format=JSON)
    assert explained(api)["error"]["code"] == "model_not_found"


def test_a_session_stays_with_one_target(api: APIClient, two: None) -> None:
    targets = [{"model": "a/m"}, {"model": "b/n"}]
    api.patch("/routes/fast", {"targets": targets, "fallbacks": [], "policy": {"affinity": "session"}}, format=JSON)
    first = {session: order(explained(api, session=session))[0][0] for session in map(str, range(12))}
    assert set(first.values()) == {"a/m", "b/n"}
    assert first == {session: order(explained(api, session=session))[0][0] for session in first}


def test_the_fastest_of_the_last_hour_goes_first(api: APIClient, two: None) -> None:
    targets = [{"model": "a/m"}, {"model": "b/n"}]
    api.patch("/routes/fast", {"strategy": "least_latency", "targets": targets, "fallbacks": []}, format=JSON)
    rollups.add(
        calls.values(call(timedelta(minutes=5), provider=name, model=model, time_to_first_token_ms=ms))
        for name, model, ms in (("a", "m", 900.0), ("b", "n", 100.0))
    )
    plan = explained(api)
    assert plan["strategy"] == "least_latency"
    assert order(plan)[0] == ("b/n", "target")
    shares = {one["model"]: one["share"] for one in api.get("/routes/fast/resolved").json()["candidates"]}
    assert shares == {"a/m": None, "b/n": None}


def test_the_cheapest_goes_first_and_what_is_too_dear_does_not(api: APIClient, two: None) -> None:
    for model, rate in (("m", 5_000_000_000), ("n", 1_000_000_000)):
        row = ProviderModel.objects.get(model_id=model)
        services.update_model(model=row, prices=[{"input": rate, "output": rate}])
    targets = [{"model": "a/m"}, {"model": "b/n", "priority": 2}]
    api.patch("/routes/fast", {"strategy": "lowest_cost", "targets": targets, "fallbacks": []}, format=JSON)
    assert order(explained(api))[0] == ("b/n", "target")
    resolved = api.get("/routes/fast/resolved").json()["candidates"]
    assert [(one["model"], one["share"]) for one in resolved] == [("b/n", 100), ("a/m", 100)]
    api.patch("/routes/fast", {"policy": {"max_price_usd": {"output": 1.5}, "timeout_seconds": 12}}, format=JSON)
    plan = explained(api)
    assert {model for model, _ in order(plan)} == {"b/n"}
    assert [(one["model"], one["reason"]) for one in plan["skipped"]] == [("a/m", "price above the cap: output")]
    assert plan["budget_seconds"] == 12.0
