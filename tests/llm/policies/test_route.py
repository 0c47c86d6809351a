"""Resolution of models, and the order of candidates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.errors import CredentialsExhausted, GatewayError, InvalidRequest, ModelNotFound
from llm.policies import route
from llm.policies.plan import Candidate, Plan
from llm.snapshot import Caller, Model, Route, RoutePolicy, RouteTarget, Snapshot, UpstreamKey
from tests.llm.service.snapshots import snapshot, upstream

A, B = upstream("a"), upstream("b")
FAST = Route("fast", (RouteTarget("a", "one"), RouteTarget("b", "two", priority=2)), (RouteTarget("b", "three"),))
CONFIG = snapshot([A, B], ["a/one", "a/org/deep:1.5", "b/one", "b/two", "b/three"], [FAST])
ANYONE = Caller("default", "key-a")


def plan(name: str, *, config: Snapshot = CONFIG, caller: Caller = ANYONE, random: float = 0.0, now: float = 0) -> Plan:
    return route.plan(config, caller, name, now=now, random=lambda: random)


def names(candidates: tuple[Candidate, ...]) -> list[str]:
    return [f"{candidate.upstream.provider_id}/{candidate.model_id}" for candidate in candidates]


def test_a_route_comes_first_with_its_fallbacks() -> None:
    found = plan("fast")
    assert (found.route, names(found.candidates), names(found.fallbacks)) == ("fast", ["a/one", "b/two"], ["b/three"])


def test_then_a_providers_model_then_a_bare_model() -> None:
    assert names(plan("b/one").candidates) == ["b/one"]
    assert names(plan("a/org/deep:1.5").candidates) == ["a/org/deep:1.5"]
    assert names(plan("org/deep:1.5").candidates) == ["a/org/deep:1.5"]
    assert names(plan("one", random=0.0).candidates) == ["a/one", "b/one"]
    assert names(plan("one", random=0.99).candidates) == ["b/one", "a/one"]


def test_a_bare_model_goes_by_priority_then_weight() -> None:
    models = [Model("a", "one", priority=2), Model("b", "one"), Model("c", "one", weight=9)]
    config = snapshot([A, B, upstream("c")], models)
    assert names(plan("one", config=config, random=0.05).candidates) == ["b/one", "c/one", "a/one"]
    assert names(plan("one", config=config, random=0.5).candidates) == ["c/one", "b/one", "a/one"]


def test_a_route_hides_a_model_of_the_same_name() -> None:
    config = snapshot([A, B], ["a/one", "b/two"], [Route("one", (RouteTarget("b", "two"),))])
    assert names(plan("one", config=config).candidates) == ["b/two"]
    assert names(plan("a/one", config=config).candidates) == ["a/one"]


@pytest.mark.parametrize("name", ["nothing", "a/nothing", "c/one", "/", "a/", "/one", "*", "a/*", "fast/", "one "])
def test_what_does_not_exist_is_not_found(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        plan(name)
    assert caught.value.param == "model"


def test_a_star_allows_every_model_of_its_provider_by_its_full_name_only() -> None:
    config = snapshot([A], ["a/*"])
    assert names(plan("a/any/thing:2", config=config).candidates) == ["a/any/thing:2"]
    bad = ["any", "a/*", "a/", "a//x", "a/x/", "a/x//y", "a/x?y", "a/x#y", "a/x%2Fy", "a/x\ny", "a/" + "x" * 201]
    bad += ["a/..", "a/.", "a/../x", "a/x/../y", "a/x/."]
    for name in bad:
        with pytest.raises(ModelNotFound):
            plan(name, config=config)


def test_a_listed_model_is_preferred_to_its_providers_star() -> None:
    config = snapshot([A], ["a/*", "a/one"])
    assert plan("a/one", config=config).candidates[0].model.model_id == "one"


def test_without_a_model_the_default_route_is_taken() -> None:
    assert plan("", caller=Caller("default", "k", default_route="fast")).route == "fast"
    with pytest.raises(InvalidRequest) as caught:
        plan("")
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("allowed", "reachable"),
    [
        (("*",), ["fast", "a/one", "one", "b/two", "two"]),
        (("fast",), ["fast"]),
        (("a/one",), ["a/one", "one"]),
        (("one",), ["a/one", "one"]),
        (("b/*",), ["one", "b/two", "two"]),
        (("two", "fast"), ["fast", "b/two", "two"]),
        ((), []),
    ],
)
def test_lists_of_allowed_models_hold_for_project_and_key(allowed: tuple[str, ...], reachable: list[str]) -> None:
    for caller in (Caller("p", "k", allowed_models=allowed), Caller("p", "k", key_allowed_models=allowed)):
        assert [name for name in ["fast", "a/one", "one", "b/two", "two"] if _found(name, caller)] == reachable


def _found(name: str, caller: Caller) -> bool:
    try:
        plan(name, caller=caller)
    except ModelNotFound:
        return False
    return True


def test_a_key_narrows_its_project_and_never_widens_it() -> None:
    caller = Caller("p", "k", allowed_models=("a/one",), key_allowed_models=("*",))
    assert not _found("b/two", caller)
    assert names(plan("one", caller=caller).candidates) == ["a/one"]


def test_targets_that_are_gone_are_left_out() -> None:
    targets = (RouteTarget("gone", "one"), RouteTarget("a", "gone"), RouteTarget("b", "two"))
    config = snapshot([A, B], ["a/one", "b/two"], [Route("r", targets), Route("empty", targets[:2])])
    assert names(plan("r", config=config).candidates) == ["b/two"]
    with pytest.raises(ModelNotFound):
        plan("empty", config=config)


def test_priority_decides_before_weight_and_weighted_ignores_it() -> None:
    targets = (RouteTarget("a", "one", priority=2, weight=100), RouteTarget("b", "two", weight=1))
    routes = [Route("p", targets), Route("w", targets, strategy="weighted")]
    config = snapshot([A, B], ["a/one", "b/two"], routes)
    assert names(plan("p", config=config, random=0.5).candidates) == ["b/two", "a/one"]
    assert names(plan("w", config=config, random=0.5).candidates) == ["a/one", "b/two"]


def test_keys_are_drawn_by_weight_and_expired_ones_never() -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    keys = (UpstreamKey("old", "s", expires_at=past), UpstreamKey("x", "s"), UpstreamKey("y", "s", weight=9))
    config = snapshot([upstream("a", "openai", keys=keys)], ["a/one"])

    def order(random: float) -> list[str]:
        found = plan("one", config=config, now=past.timestamp(), random=random).candidates
        return [candidate.key.key_id for candidate in found if candidate.key]

    assert (order(0.05), order(0.5)) == (["x", "y"], ["y", "x"])


def test_weight_zero_is_asked_last() -> None:
    targets = tuple(RouteTarget("a", name, weight=weight) for name, weight in (("one", 0), ("two", 0), ("three", 1)))
    config = snapshot([A], ["a/one", "a/two", "a/three"], [Route("r", targets)])
    assert names(plan("r", config=config).candidates) == ["a/three", "a/one", "a/two"]


def test_no_usable_key_is_the_gateways_fault() -> None:
    config = snapshot([upstream("a", "openai", keys=())], ["a/one"])
    found = plan("one", config=config)
    assert (found.candidates, type(found.error)) == ((), CredentialsExhausted)


def test_a_provider_without_a_key_is_passed_over_where_there_is_another() -> None:
    targets = (RouteTarget("a", "one"), RouteTarget("b", "two"))
    config = snapshot([upstream("a", "openai", keys=()), B], ["a/one", "b/two"], [Route("r", targets)])
    assert names(plan("r", config=config).candidates) == ["b/two"]


def test_what_is_listed_can_be_called_and_nothing_else() -> None:
    caller = Caller("p", "k", allowed_models=("fast", "b/*"))
    listed = [name for name, _ in route.listed(CONFIG, caller)]
    assert listed == ["fast", "b/one", "b/three", "b/two"]
    assert all(route.usable(CONFIG, caller, name) for name in listed)
    with pytest.raises(ModelNotFound):
        route.usable(CONFIG, caller, "a/one")


identifiers = st.sampled_from(["a", "b", "one", "two", "x/y", "*"])


@given(
    models=st.lists(st.tuples(st.sampled_from("abc"), identifiers), max_size=6),
    targets=st.lists(st.tuples(st.sampled_from("abc"), identifiers, st.integers(0, 2), st.integers(0, 3)), max_size=5),
    asked=st.one_of(identifiers, st.text(max_size=8), st.builds("{}/{}".format, st.sampled_from("abc"), identifiers)),
    allowed=st.lists(identifiers, max_size=3),
    random=st.floats(0, 1, exclude_max=True),
)
def test_whatever_is_configured_a_plan_is_allowed_and_whole(
    models: list[tuple[str, str]],
    targets: list[tuple[str, str, int, int]],
    asked: str,
    allowed: list[str],
    random: float,
) -> None:
    config = snapshot(
        [A, B],
        {f"{provider}/{model}" for provider, model in models},
        [Route("two", tuple(RouteTarget(*target) for target in targets), policy=RoutePolicy(retries=1))],
    )
    caller = Caller("p", "k", allowed_models=tuple(allowed))
    try:
        found = plan(asked, config=config, caller=caller, random=random)
    except GatewayError as error:
        assert isinstance(error, ModelNotFound | InvalidRequest)
        return
    assert found.candidates
    for candidate in found.candidates:
        provider_id = candidate.upstream.provider_id
        assert candidate.model_id != "*"
        assert (provider_id, candidate.model.model_id) in config.providers.models
        assert found.route or {f"{provider_id}/{candidate.model_id}", candidate.model_id, "*"} & set(allowed)
    assert not found.route or found.route in allowed or "*" in allowed
