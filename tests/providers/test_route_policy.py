"""The policy of a route: what may be written, what becomes of it, and that nothing of it is lost on any way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from audit import history
from llm.core import policies
from llm.core.policies import nano_usd
from llm.snapshot import Hedge, RoutePolicy, StreamGuard
from providers import services
from providers.config_file import exporting, import_text, states
from providers.models import ProviderModel, Route
from providers.snapshot_part import snapshot_part
from tests.providers.test_routes import JSON, provider, route

WHOLE = {
    "retries": 3,
    "timeout_seconds": 60,
    "connect_timeout_seconds": 1.5,
    "first_token_timeout_seconds": 10,
    "idle_timeout_seconds": 20,
    "content_filter_fallback": True,
    "unsupported": "refuse",
    "stream_guard": {"characters": 200},
    "affinity": "conversation",
    "max_price_usd": {"input": 0.1, "output": 20},
    "hedge": {"max_share": 0.05},
    "cache": None,
}
EVERY_STRATEGY = ["priority", "weighted", "round_robin", "least_latency", "lowest_cost", "least_busy"]
BAD = [
    ("retries", -1),
    ("retries", 11),
    ("retries", True),
    ("timeout_seconds", 0),
    ("idle_timeout_seconds", "5"),
    ("content_filter_fallback", 1),
    ("content_filter_fallback", None),
    ("unsupported", "keep"),
    ("unsupported", None),
    ("unsupported", ["drop"]),
    ("stream_guard", 200),
    ("stream_guard", {}),
    ("stream_guard", {"characters": 0}),
    ("stream_guard", {"characters": 1_000_001}),
    ("stream_guard", {"characters": 1.5}),
    ("stream_guard", {"characters": True}),
    ("stream_guard", {"until": "start"}),
    ("stream_guard", {"until": "finish", "characters": 1}),
    ("affinity", "none"),
    ("affinity", {"session": 1}),
    ("max_price_usd", 5),
    ("max_price_usd", {}),
    ("max_price_usd", {"input": -1}),
    ("max_price_usd", {"input": "5"}),
    ("max_price_usd", {"input": None}),
    ("max_price_usd", {"input": True}),
    ("max_price_usd", {"output": 1_000_000.5}),
    ("max_price_usd", {"output": 1e-10}),
    ("max_price_usd", {"input": 1, "image": 1}),
    ("hedge", 0.1),
    ("hedge", {}),
    ("hedge", {"max_share": 0}),
    ("hedge", {"max_share": 0.51}),
    ("hedge", {"max_share": True}),
    ("hedge", {"max_share": 0.1, "after": 1}),
    ("cache", True),
]


@pytest.fixture
def models(api: APIClient) -> None:
    provider(api, "a", {"model_id": "m"}, {"model_id": "n"})


@pytest.mark.parametrize(("field", "value"), BAD)
def test_what_is_wrong_is_named_by_its_field(api: APIClient, models: None, field: str, value: Any) -> None:
    body = {"name": "fast", "targets": [{"model": "a/m"}], "policy": {"retries": 1, field: value}}
    answer = api.post("/routes", body, format=JSON)
    assert (answer.status_code, list(answer.json())) == (400, [f"policy.{field}"])
    assert len(answer.json()[f"policy.{field}"]) == 1


def test_all_that_is_wrong_is_told_at_once(api: APIClient, models: None) -> None:
    policy = {"hedge": 1, "colour": "red", "stream_guard": 1}
    answer = api.post("/routes", {"name": "fast", "targets": [{"model": "a/m"}], "policy": policy}, format=JSON)
    assert sorted(answer.json()) == ["policy", "policy.hedge", "policy.stream_guard"]
    assert 'There is no "colour"; there are retries, ' in answer.json()["policy"][0]
    assert not Route.objects.exists()


@pytest.mark.parametrize("value", [{"until": "finish"}, {"characters": 1}, {"characters": 1_000_000}, None])
def test_a_stream_guard(api: APIClient, models: None, value: Any) -> None:
    made = route(api, [{"model": "a/m"}], policy={"stream_guard": value})
    assert made["policy"] == {"stream_guard": value}
    expected = {"finish": StreamGuard(None), 1: StreamGuard(1), 1_000_000: StreamGuard(1_000_000), "": None}
    assert built() == RoutePolicy(stream_guard=expected[next(iter((value or {"": ""}).values()))])


def built() -> RoutePolicy:
    return snapshot_part(environment="development", allow_private=True).routes["fast"].policy


def test_the_data_plane_gets_all_of_it(api: APIClient, models: None) -> None:
    route(api, [{"model": "a/m"}], policy=WHOLE)
    assert built() == RoutePolicy(
        retries=3,
        timeout_seconds=60.0,
        connect_timeout_seconds=1.5,
        first_token_timeout_seconds=10.0,
        idle_timeout_seconds=20.0,
        content_filter_fallback=True,
        unsupported="refuse",
        stream_guard=StreamGuard(200),
        affinity="conversation",
        most_input_price=100_000_000,
        most_output_price=20_000_000_000,
        hedge=Hedge(0.05),
    )


def test_what_is_not_said_has_its_default(api: APIClient, models: None) -> None:
    route(api, [{"model": "a/m"}])
    assert built() == RoutePolicy()
    nulls = dict.fromkeys(("stream_guard", "affinity", "max_price_usd", "hedge", "cache"))
    assert api.patch("/routes/fast", {"policy": nulls}, format=JSON).status_code == 200
    assert built() == RoutePolicy()


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_a_strategy(api: APIClient, models: None, strategy: str) -> None:
    assert route(api, [{"model": "a/m"}], strategy=strategy)["strategy"] == strategy
    part = snapshot_part(environment="development", allow_private=True)
    assert part.routes["fast"].strategy == strategy
    assert api.get(f"/routes?strategy={strategy}").json()["count"] == 1


def test_a_strategy_that_there_is_not(api: APIClient, models: None) -> None:
    answer = api.post("/routes", {"name": "r", "targets": [{"model": "a/m"}], "strategy": "luck"}, format=JSON)
    assert answer.json() == {"strategy": [f"It must be one of {', '.join(EVERY_STRATEGY)}."]}


def test_a_route_that_was_written_past_the_services_is_left_out_and_told_of(api: APIClient, models: None) -> None:
    route(api, [{"model": "a/m"}])
    for broken in (
        {"policy": {"max_price_usd": {"input": "5"}}},
        {"policy": {"retries": "many"}},
        {"strategy": "luck"},
    ):
        with history.change_set():
            row = Route.objects.get()
            row.policy, row.strategy = {}, "priority"
            for name, value in broken.items():
                setattr(row, name, value)
            row.save()
        assert snapshot_part(environment="development", allow_private=True).routes == {}
        said = api.get("/routes/fast").json()["warnings"]
        assert bool(said) == ("policy" in broken), said


def test_what_is_read_and_written_back_changes_nothing(api: APIClient, models: None) -> None:
    made = route(api, [{"model": "a/m"}], strategy="least_busy", policy=WHOLE)
    before = history.revision()
    again = api.put("/routes/fast", api.get("/routes/fast").json(), format=JSON)
    assert (again.status_code, again.json()) == (200, made)
    text = exporting.text(states.read())
    assert import_text(text).plan == []
    assert history.revision() == before


def test_it_comes_back_from_a_file_and_from_the_history(api: APIClient, models: None) -> None:
    route(api, [{"model": "a/m"}], strategy="lowest_cost", policy=WHOLE)
    was, revision = exporting.text(states.read()), history.revision()
    later = {"strategy": "weighted", "policy": {"stream_guard": {"until": "finish"}}}
    assert api.patch("/routes/fast", later, format=JSON).status_code == 200
    [change] = api.get(f"/audit/diff?from={revision}&to={history.revision()}").json()["changes"]
    assert change["object"] == "route:fast"
    assert change["fields"]["policy"]["old"] == WHOLE
    assert change["fields"]["policy"]["new"] == later["policy"]

    plan = api.post("/audit/revert", {"to": revision, "objects": ["route:fast"]}, format=JSON).json()
    sure = {"to": revision, "objects": ["route:fast"], "dry_run": False, "plan_hash": plan["plan_hash"]}
    assert api.post("/audit/revert", sure, format=JSON).status_code == 200
    assert exporting.text(states.read()) == was

    services.delete_route(route=Route.objects.get())
    import_text(was)
    assert (Route.objects.get().policy, Route.objects.get().strategy) == (WHOLE, "lowest_cost")
    assert exporting.text(states.read()) == was


@given(st.integers(0, 10**15 - 1))
def test_prices_are_exact(nano: int) -> None:
    """As JSON has them: a number of up to 15 digits, that becomes a float."""
    assert nano_usd(float(Decimal(nano) / 10**9)) == nano


@pytest.mark.parametrize(
    "price", [1e-10, 0.1234567891, -0.0000001, 1_000_000.01, float("nan"), float("inf"), True, "5"]
)
def test_what_is_no_price(price: Any) -> None:
    with pytest.raises(ValueError, match="USD per million tokens"):
        nano_usd(price)


def price(api: APIClient, model: str, rate: int) -> None:
    stored = ProviderModel.objects.get(model_id=model)
    services.update_model(model=stored, prices=[{"input": rate, "output": rate}])


def warnings(api: APIClient, **fields: Any) -> list[str]:
    answer = api.patch("/routes/fast", fields, format=JSON)
    assert answer.status_code == 200, answer.json()
    return list(answer.json()["warnings"])


def test_what_comes_to_nothing_is_warned_of(api: APIClient, models: None) -> None:
    route(api, [{"model": "a/m"}])
    guarded = {"stream_guard": {"characters": 200}}
    one = "The stream guard holds answers back, and there is nothing to fall back to."
    assert warnings(api, policy=guarded) == [one]
    assert warnings(api, fallbacks=[{"model": "a/n"}]) == []
    assert warnings(api, fallbacks=[], targets=[{"model": "a/m"}, {"model": "a/n"}]) == []
    assert warnings(api, policy={**guarded, "retries": 0}) == [one]
    hedged = {"hedge": {"max_share": 0.1}}
    assert warnings(api, policy=hedged) == []
    assert "A hedge needs a second model" in warnings(api, targets=[{"model": "a/m"}])[0]
    assert warnings(api, fallbacks=[{"model": "a/n"}]) == []


def test_prices_that_are_in_the_way_are_warned_of(api: APIClient, models: None) -> None:
    price(api, "m", 2_000_000_000)
    route(api, [{"model": "a/m"}, {"model": "a/n"}], strategy="lowest_cost")
    assert warnings(api, enabled=True) == ["a/n has no price: of the targets it goes last."]
    assert warnings(api, strategy="priority") == []
    unpriced = "a/n has no price: with a cap it is passed over."
    assert warnings(api, policy={"max_price_usd": {"output": 2}}) == [unpriced]
    dear = "a/m costs more than the cap: it is passed over."
    assert warnings(api, policy={"max_price_usd": {"output": 1.999999999}}) == [dear, unpriced]
    assert warnings(api, targets=[{"model": "a/m"}], fallbacks=[{"model": "a/n"}]) == [dear, unpriced]


def test_the_built_policy_knows_every_field() -> None:
    """A field that the check takes and the data plane never gets fails here."""
    assert policies.built(WHOLE) != RoutePolicy()
    for name in WHOLE.keys() - {"cache"}:
        assert policies.built({name: WHOLE[name]}) != RoutePolicy(), name
