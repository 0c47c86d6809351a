"""What is passed over and why, what cools down, and the error where nothing is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llm.errors import CredentialsExhausted, GatewayError, ModelNotFound, NoHealthyUpstream
from llm.policies import route
from llm.policies.plan import Bar, Plan, Skipped
from llm.prices import Price, Rates
from llm.snapshot import Caller, Model, Route, RoutePolicy, RouteTarget, Upstream, UpstreamKey
from tests.llm.policies.known import ANYONE, USD, Known, order, planned, routed
from tests.llm.service.snapshots import snapshot, upstream

NOW = 1_000_000.0
MOMENT = datetime.fromtimestamp(NOW, UTC)
TWO = {"a": (1, 1), "b": (1, 1)}
BROKEN = Bar("breaker open: provider a (server)", NOW + 30, category="server")
DOWN = Bar("breaker open", NOW + 12.5, category="connection")
REFUSED = Bar("key refused", NOW + 60, category="auth")
COOLING = Bar("cooling down", NOW + 7, waits=True, category="rate_limit")
LIMITED = Bar("limit reached", NOW + 40, category="rate_limit")


def key(key_id: str, expires_in: float | None = None, weight: int = 1) -> UpstreamKey:
    return UpstreamKey(key_id, "s", weight, None if expires_in is None else MOMENT + timedelta(seconds=expires_in))


def keyed(provider_id: str, *keys: UpstreamKey) -> Upstream:
    return upstream(provider_id, "openai", keys=keys)


def keys_of(plan: Plan) -> list[str]:
    return [one.key.key_id if one.key else "" for one in plan.candidates]


def assert_error(plan: Plan, kind: type[GatewayError]) -> GatewayError:
    assert (plan.candidates, plan.fallbacks) == ((), ())
    assert type(plan.error) is kind
    assert plan.error is not None and "127.0.0.1" not in plan.error.message
    return plan.error


def test_targets_and_fallbacks_that_are_disabled_are_told() -> None:
    targets = (RouteTarget("gone", "m"), RouteTarget("a", "m"), RouteTarget("a", "off"))
    config = snapshot([upstream("a")], ["a/m"], [Route("r", targets, (RouteTarget("a", "none"),))])
    found = planned(config)
    assert order(found) == "a"
    assert found.skipped == (
        Skipped("gone/m", "target", "disabled"),
        Skipped("a/off", "target", "disabled"),
        Skipped("a/none", "fallback", "disabled"),
    )


def test_a_route_whose_targets_are_all_disabled_goes_to_its_fallbacks() -> None:
    made = Route("r", (RouteTarget("gone", "m"),), (RouteTarget("a", "m"),))
    config = snapshot([upstream("a")], ["a/m"], [made])
    assert (order(planned(config)), planned(config).error) == ("a", None)
    assert [name for name, _ in route.listed(config, ANYONE)] == ["r", "a/m"]
    assert route.usable(config, ANYONE, "r") is made
    other = Caller("default", "key-b", allowed_models=("a/m",))
    assert [name for name, _ in route.listed(config, other)] == ["a/m"]
    with pytest.raises(ModelNotFound):
        route.plan(config, other, "r", now=NOW, random=lambda: 0.0)


@pytest.mark.parametrize("role", ["target", "fallback"])
def test_without_a_key_and_with_expired_ones(role: str) -> None:
    upstreams = {"a": keyed("a"), "b": keyed("b", key("old", -1), key("x", 1)), "c": keyed("c", key("older", 0))}
    everyone = dict.fromkeys("abc", (1, 1))
    if role == "target":
        config = routed("priority", everyone, upstreams=upstreams)
    else:
        config = routed("priority", {"z": (1, 1)}, fallbacks="abc", upstreams=upstreams)
    found = planned(config, now=NOW)
    assert order(found) == ("b" if role == "target" else "z|b")
    assert {(one.model, one.role, one.reason, one.key) for one in found.skipped} == {
        ("a/m", role, "no usable key", ""),
        ("b/m", role, "key expired", "old"),
        ("c/m", role, "key expired", "older"),
    }
    assert len(found.skipped) == 3


def test_a_provider_that_needs_no_key_is_asked_without_once_all_are_expired() -> None:
    free = upstream("a", keys=(key("x", 5),))
    config = routed("priority", {"a": (1, 1)}, upstreams={"a": free})
    assert [keys_of(planned(config, now=NOW + after)) for after in (4, 5)] == [["x"], [""]]


def test_what_is_barred_is_passed_over_with_its_reason_and_its_time() -> None:
    config = routed("priority", {"a": (1, 1), "b": (1, 1), "c": (1, 1)}, fallbacks="de")
    found = planned(config, Known(bars={"a": BROKEN, "c": DOWN, "d": BROKEN}), now=NOW)
    assert order(found) == "b|e"
    assert found.skipped == (
        Skipped("a/m", "target", BROKEN.reason, "", NOW + 30, "server"),
        Skipped("c/m", "target", "breaker open", "", NOW + 12.5, "connection"),
        Skipped("d/m", "fallback", BROKEN.reason, "", NOW + 30, "server"),
    )


def test_a_key_is_named_where_it_is_the_keys_fault_and_else_its_model_once() -> None:
    pool = keyed("a", key("x"), key("y"), key("z"))
    config = routed("priority", TWO, upstreams={"a": pool})
    refused = planned(config, Known(bars={"a x": REFUSED, "a z": LIMITED}), now=NOW)
    assert [(one.key, one.reason) for one in refused.skipped] == [("x", "key refused"), ("z", "limit reached")]
    assert [one.name for one in refused.candidates] == ["a/m", "b/m"]
    assert keys_of(refused) == ["y", ""]
    broken = planned(config, Known(bars={"a": BROKEN}), now=NOW)
    assert broken.skipped == (Skipped("a/m", "target", BROKEN.reason, "", NOW + 30, "server"),)


def test_what_cools_down_is_kept_and_stands_behind_what_does_not() -> None:
    config = routed("priority", {"a": (1, 1), "b": (2, 1), "c": (3, 0)}, fallbacks="de")
    found = planned(config, Known(bars={"a": COOLING, "d": COOLING}), now=NOW)
    assert (order(found), found.skipped, found.error) == ("bca|de", (), None)
    assert found.cooling == {id(found.candidates[2]): NOW + 7, id(found.fallbacks[0]): NOW + 7}


def test_a_key_that_cools_down_stands_behind_those_that_do_not() -> None:
    config = routed("priority", TWO, upstreams={"a": keyed("a", key("x", weight=9), key("y"))})
    found = planned(config, Known(bars={"a x": COOLING}), now=NOW)
    assert (order(found), keys_of(found)) == ("aab", ["y", "x", ""])
    assert found.cooling == {id(found.candidates[1]): NOW + 7}


def test_all_that_cools_down_is_a_plan() -> None:
    found = planned(routed("least_busy", TWO), Known(bars={"a": COOLING, "b": COOLING}, loads={"a": 1}), now=NOW)
    assert (order(found), len(found.cooling), found.error) == ("ba", 2, None)


def capped(prices: dict[str, tuple[int, int]], most_input: int | None, most_output: int | None) -> Plan:
    policy = RoutePolicy(
        most_input_price=None if most_input is None else most_input * USD,
        most_output_price=None if most_output is None else most_output * USD,
    )
    return planned(routed("priority", {"a": (1, 1), "b": (2, 1)}, fallbacks="c", prices=prices, policy=policy))


@pytest.mark.parametrize(
    ("most_input", "most_output", "expected", "reasons"),
    [
        (None, None, "ab|c", {}),
        (3, 15, "a", {"b": "price above the cap: output", "c": "price not known"}),
        (2, None, "b", {"a": "price above the cap: input", "c": "price not known"}),
        (None, 15, "a", {"b": "price above the cap: output", "c": "price not known"}),
        (3, 16, "ab", {"c": "price not known"}),
    ],
)
def test_what_is_too_dear_is_passed_over(
    most_input: int | None, most_output: int | None, expected: str, reasons: dict[str, str]
) -> None:
    found = capped({"a": (3, 15), "b": (2, 16)}, most_input, most_output)
    assert order(found) == expected
    assert {one.model[0]: one.reason for one in found.skipped} == reasons


def test_a_cap_goes_by_the_price_of_the_moment() -> None:
    rising = (Price(0, Rates(1 * USD, 1 * USD)), Price(NOW, Rates(5 * USD, 1 * USD)))
    made = Route("r", (RouteTarget("a", "m"),), policy=RoutePolicy(most_input_price=USD))
    config = snapshot([upstream("a")], [Model("a", "m", prices=rising)], [made])
    assert order(planned(config, now=NOW - 1)) == "a"
    error = assert_error(planned(config, now=NOW), NoHealthyUpstream)
    assert (error.retry_after, "price above the cap" in error.message) == (None, True)


@pytest.mark.parametrize(
    ("bars", "kind", "retry_after"),
    [
        ({"a": REFUSED, "b": REFUSED}, CredentialsExhausted, None),
        ({"a": REFUSED, "b": BROKEN}, NoHealthyUpstream, 30),
        ({"a": DOWN, "b": BROKEN}, NoHealthyUpstream, 12.5),
        ({"a": DOWN, "b": REFUSED}, NoHealthyUpstream, 12.5),
        ({"a": LIMITED, "b": BROKEN}, NoHealthyUpstream, 30),
        ({"a": Bar("breaker open", NOW + 0.2), "b": BROKEN}, NoHealthyUpstream, 1),
        ({"a": Bar("breaker open", 0), "b": Bar("breaker open", 0)}, NoHealthyUpstream, None),
    ],
)
def test_where_nothing_is_left_the_error_says_whether_keys_or_health_are_to_blame(
    bars: dict[str, Bar], kind: type[GatewayError], retry_after: float | None
) -> None:
    for config in (routed("priority", TWO), routed("priority", {"a": (1, 1)}, fallbacks="b")):
        found = planned(config, Known(bars=bars), now=NOW)
        error = assert_error(found, kind)
        assert error.retry_after == retry_after
        assert "(server)" not in error.message
        assert {one.model for one in found.skipped} == {"a/m", "b/m"}


def test_expired_and_refused_keys_are_all_bad_keys() -> None:
    upstreams = {"a": keyed("a", key("old", -1), key("x")), "b": keyed("b")}
    config = routed("priority", TWO, upstreams=upstreams)
    assert_error(planned(config, Known(bars={"a x": REFUSED}), now=NOW), CredentialsExhausted)
    assert_error(planned(config, Known(bars={"a x": BROKEN}), now=NOW), NoHealthyUpstream)


def test_one_model_with_one_key_is_one_plan_as_long_as_nothing_stands_against_it() -> None:
    config = routed("round_robin", {"a": (1, 1)}, upstreams={"a": keyed("a", key("x"))})
    calm, elsewhere = planned(config), planned(config, Known(bars={"b": BROKEN}))
    assert calm is elsewhere is planned(config, Known(), session_key="s")
    cooling = planned(config, Known(bars={"a": COOLING}), now=NOW)
    assert (cooling.candidates, cooling.cooling) == (calm.candidates, {id(calm.candidates[0]): NOW + 7})
    assert_error(planned(config, Known(bars={"a": BROKEN}), now=NOW), NoHealthyUpstream)
    assert planned(config) is calm and not calm.cooling
