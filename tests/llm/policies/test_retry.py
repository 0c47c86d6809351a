"""Which attempt follows a failed one: read as conversations."""

from __future__ import annotations

import pytest

from llm.errors import (
    ContentFiltered,
    ContextLengthExceeded,
    CredentialsExhausted,
    GatewayError,
    InternalError,
    InvalidRequest,
    NoHealthyUpstream,
    Unsupported,
    UpstreamAuthFailed,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from llm.policies.plan import Candidate, Plan
from llm.policies.retry import LONGEST_WAIT, Step, Walk
from llm.snapshot import Model, RoutePolicy, UpstreamKey
from tests.llm.service.snapshots import upstream

FAILED = UpstreamFailed("The provider failed.")
REFUSED = UpstreamAuthFailed("The provider refused the key.")


def candidates(provider_id: str, keys: int = 1, window: int | None = None) -> tuple[Candidate, ...]:
    server = upstream(provider_id, "openai")
    model = Model(provider_id, "m", context_window=window)
    return tuple(Candidate(server, model, "m", UpstreamKey(f"k{number}", "s")) for number in range(1, keys + 1))


def walk(*targets: tuple[Candidate, ...], fallbacks: tuple[Candidate, ...] = (), **policy: float) -> Walk:
    chosen = tuple(candidate for target in targets for candidate in target)
    return Walk(Plan(chosen, fallbacks, RoutePolicy(**policy)), random=lambda: 0.0)


def name(step: Step | None) -> str:
    if step is None:
        return "stop"
    key = step.candidate.key
    assert key is not None
    return f"{step.candidate.upstream.provider_id}.{key.key_id}"


def told(way: Walk, *errors: GatewayError, elapsed: float = 0.0) -> list[str]:
    return [name(way.first()), *(name(way.after(error, elapsed=elapsed)) for error in errors)]


def test_one_target_gets_the_retries_with_growing_pauses() -> None:
    way = walk(candidates("a"))
    assert name(way.first()) == "a.k1"
    second, third = way.after(FAILED, elapsed=0), way.after(FAILED, elapsed=0.5)
    assert second is not None and third is not None
    assert (second.delay, third.delay) == (0.5, 1.0)
    assert way.after(FAILED, elapsed=1.5) is None


def test_other_targets_come_first_and_at_once() -> None:
    way = walk(candidates("a"), candidates("b"))
    assert told(way, FAILED, FAILED, FAILED) == ["a.k1", "b.k1", "a.k1", "stop"]
    assert way.after(FAILED, elapsed=0) is None


def test_fallbacks_come_after_the_retries_each_once() -> None:
    way = walk(candidates("a"), fallbacks=candidates("f") + candidates("g"), retries=1)
    assert told(way, *[FAILED] * 4) == ["a.k1", "a.k1", "f.k1", "g.k1", "stop"]


def test_no_retries_means_one_attempt() -> None:
    assert told(walk(candidates("a"), candidates("b"), retries=0), FAILED) == ["a.k1", "stop"]


def test_a_refused_key_is_left_and_costs_no_retry() -> None:
    way = walk(candidates("a", keys=4), retries=0)
    assert told(way, REFUSED, REFUSED, REFUSED, REFUSED) == ["a.k1", "a.k2", "a.k3", "a.k4", "stop"]
    assert isinstance(way.conclude(REFUSED, elapsed=1), CredentialsExhausted)


def test_refused_keys_everywhere_lead_to_the_fallback_and_its_keys() -> None:
    way = walk(candidates("a", keys=2), fallbacks=candidates("f", keys=2))
    assert told(way, *[REFUSED] * 4) == ["a.k1", "a.k2", "f.k1", "f.k2", "stop"]


def test_a_silent_target_is_not_asked_twice_with_any_key() -> None:
    silent = UpstreamTimeout("The provider did not answer in time.", phase="first_byte")
    assert told(walk(candidates("a", keys=2)), silent) == ["a.k1", "stop"]
    assert told(walk(candidates("a"), candidates("b")), silent, FAILED, FAILED) == ["a.k1", "b.k1", "b.k1", "stop"]


def test_a_limited_key_waits_while_another_goes_at_once() -> None:
    way = walk(candidates("a", keys=2))
    limited = UpstreamRateLimited("Too many requests.", retry_after=3)
    assert told(way, limited) == ["a.k1", "a.k2"]
    third = way.after(limited, elapsed=1)
    assert third is not None and (name(third), third.delay) == ("a.k1", 2)


def test_retry_after_is_waited_for_within_bounds() -> None:
    def after(seconds: float, **policy: float) -> Step | None:
        way = walk(candidates("a"), timeout_seconds=20, **policy)
        way.first()
        return way.after(UpstreamRateLimited("Too many requests.", retry_after=seconds), elapsed=1)

    found = after(2)
    assert found is not None and found.delay == 2
    assert after(19) is None
    assert after(LONGEST_WAIT + 1) is None


def test_a_retry_after_that_is_too_long_leads_to_the_fallback() -> None:
    way = walk(candidates("a"), fallbacks=candidates("f"))
    assert told(way, UpstreamFailed("Busy.", retry_after=3600)) == ["a.k1", "f.k1"]


def test_nothing_starts_once_the_time_is_up() -> None:
    way = walk(candidates("a"), candidates("b"), fallbacks=candidates("f"), timeout_seconds=10)
    assert told(way, FAILED, elapsed=10) == ["a.k1", "stop"]


@pytest.mark.parametrize(
    "error",
    [UpstreamRejected("No.", status=422), InvalidRequest("No."), InternalError("No."), CredentialsExhausted("")],
)
def test_what_fails_again_is_not_repeated(error: GatewayError) -> None:
    way = walk(candidates("a"), candidates("b"), fallbacks=candidates("f"))
    assert told(way, error) == ["a.k1", "stop"]
    assert way.conclude(error, elapsed=1) is error


def test_a_plan_of_fallbacks_only_begins_there() -> None:
    way = walk(fallbacks=candidates("f") + candidates("g"))
    assert told(way, FAILED, FAILED) == ["f.k1", "g.k1", "stop"]


def test_what_is_too_long_goes_only_to_a_larger_window() -> None:
    too_long = ContextLengthExceeded("Too long.")
    way = walk(candidates("a", window=8), candidates("b", window=8), candidates("c", window=16), candidates("d"))
    assert told(way, too_long, too_long) == ["a.k1", "c.k1", "stop"]
    way = walk(candidates("a", keys=2), fallbacks=candidates("f", window=128) + candidates("g"))
    assert told(way, too_long, too_long) == ["a.k1", "f.k1", "stop"]
    way = walk(candidates("a", keys=2, window=8))
    assert told(way, too_long) == ["a.k1", "stop"]


@pytest.mark.parametrize(("allowed", "then"), [(False, "stop"), (True, "b.k1")])
def test_a_refusal_for_the_content_stands_unless_the_route_says_otherwise(allowed: bool, then: str) -> None:
    way = walk(candidates("a", keys=2), candidates("b"), content_filter_fallback=allowed)
    assert told(way, ContentFiltered("No.")) == ["a.k1", then]


def test_a_field_that_one_provider_cannot_carry_costs_nothing_at_the_next() -> None:
    refused = Unsupported("No.", param="seed")
    way = walk(candidates("a", keys=3), candidates("b"), retries=0)
    assert told(way, refused, refused) == ["a.k1", "b.k1", "stop"]
    assert way.conclude(refused, elapsed=0) is refused


def test_another_model_of_the_same_provider_may_carry_the_field() -> None:
    provider = upstream("a")
    one, other = (Candidate(provider, Model("a", name), name, None) for name in ("small", "large"))
    way = walk((one, other), retries=0)
    step = way.first()
    assert step is not None and step.candidate is one
    step = way.after(Unsupported("No.", param="reasoning_effort"), elapsed=0)
    assert step is not None and step.candidate is other


def test_targets_are_behind_only_once_a_fallback_was_really_asked() -> None:
    (cold,), (spare,) = candidates("a"), candidates("f")
    policy = RoutePolicy(timeout_seconds=20)
    way = Walk(Plan((cold,), (spare,), policy, cooling={id(cold): 10.0}), random=lambda: 0.0)
    assert name(way.first()) == "f.k1"
    step = way.passed_over(elapsed=0)
    assert step == Step(cold, 10.0, "target", "cool_down")


def test_those_who_wait_for_the_same_moment_do_not_all_come_at_once() -> None:
    (cold,) = candidates("a")
    cooling = {id(cold): 2.0}
    delays = []
    for chance in (0.0, 0.5, 0.99):
        step = Walk(Plan((cold,), policy=RoutePolicy(), cooling=cooling), random=lambda chance=chance: chance).first()
        assert step is not None
        delays.append(round(step.delay, 3))
    assert delays == [2.0, 2.25, 2.495]
    tight = Walk(Plan((cold,), policy=RoutePolicy(timeout_seconds=2.1), cooling=cooling), random=lambda: 0.99)
    step = tight.first()
    assert step is not None and step.delay == 2.0


def test_a_silent_model_is_asked_neither_again_nor_as_a_fallback() -> None:
    silent = candidates("a", keys=2)
    way = walk(silent, candidates("b"), fallbacks=silent + candidates("f"))
    timeout = UpstreamTimeout("Silence.", phase="first_byte")
    assert told(way, timeout, timeout, timeout) == ["a.k1", "b.k1", "f.k1", "stop"]


def test_what_cools_down_comes_last_and_is_waited_for_only_in_need() -> None:
    (cold,), (warm,) = candidates("a"), candidates("b")
    way = Walk(Plan((cold, warm), cooling={id(cold): 1003.0}), random=lambda: 0.0, now=1000.0)
    assert name(way.first()) == "b.k1"
    assert name(way.after(UpstreamTimeout("Silence."), elapsed=1)) == "a.k1"
    alone = Walk(Plan((cold,), cooling={id(cold): 1003.0}), random=lambda: 0.0, now=1000.0)
    assert alone.first() == Step(cold, 3.0, "target", "cool_down")
    with_fallback = Walk(Plan((cold,), (warm,), cooling={id(cold): 1003.0}), random=lambda: 0.0, now=1000.0)
    assert with_fallback.first() == Step(warm, 0.0, "fallback")


def test_a_call_does_not_wait_for_what_cools_down_for_long() -> None:
    (cold,) = candidates("a")
    way = Walk(Plan((cold,), cooling={id(cold): 1060.0}), random=lambda: 0.0, now=1000.0)
    assert way.first() is None
    refusal = way.conclude(None, elapsed=0.5)
    assert isinstance(refusal, UpstreamRateLimited) and refusal.retry_after == 59.5


def test_what_is_passed_over_costs_no_retry() -> None:
    way = walk(candidates("a"), candidates("b"), retries=0)
    assert name(way.first()) == "a.k1"
    assert name(way.passed_over(elapsed=0)) == "b.k1"
    assert way.passed_over(elapsed=0) is None
    assert isinstance(way.conclude(None, elapsed=0), NoHealthyUpstream)


def test_what_cools_down_again_is_waited_for_again_at_no_cost() -> None:
    (cold,), (other,) = candidates("a"), candidates("b")
    way = Walk(Plan((cold,), policy=RoutePolicy(retries=0)), random=lambda: 0.0)
    assert way.first() == Step(cold)
    assert way.postponed(until=2, elapsed=1) == Step(cold, 1.0, "target", "cool_down")
    assert way.postponed(until=4, elapsed=2) == Step(cold, 2.0, "target", "cool_down")
    assert way.postponed(until=5, elapsed=4) is None  # that is its budget
    fallback = Walk(Plan((), (cold, other)), random=lambda: 0.0)
    assert fallback.first() == Step(cold, role="fallback")
    assert fallback.postponed(until=2, elapsed=1) == Step(other, role="fallback")
    assert name(fallback.after(FAILED, elapsed=3)) == "a.k1"


def test_a_long_retry_after_is_not_waited_for_where_a_fallback_is_left() -> None:
    limited = UpstreamRateLimited("Too many requests.", retry_after=4)
    assert told(walk(candidates("a"), fallbacks=candidates("f")), limited) == ["a.k1", "f.k1"]
    alone = walk(candidates("a"))
    alone.first()
    step = alone.after(limited, elapsed=0)
    assert step is not None and (step.delay, step.why) == (4, "retry_after")


def test_the_caller_s_limit_bounds_the_budget() -> None:
    plan = Plan(candidates("a"), policy=RoutePolicy(timeout_seconds=10))
    assert [Walk(plan, random=lambda: 0.0, limit=limit).budget for limit in (None, 3.0, 30.0)] == [10, 3, 10]
