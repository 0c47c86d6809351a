"""Which attempt follows a failed one: read as conversations."""

from __future__ import annotations

import pytest

from llm.errors import (
    CredentialsExhausted,
    GatewayError,
    InternalError,
    InvalidRequest,
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


def candidates(provider_id: str, keys: int = 1) -> tuple[Candidate, ...]:
    server = upstream(provider_id, "openai")
    model = Model(provider_id, "m")
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
    with pytest.raises(CredentialsExhausted):
        way.conclude(REFUSED)


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
    way.conclude(error)


def test_a_plan_of_fallbacks_only_begins_there() -> None:
    way = walk(fallbacks=candidates("f") + candidates("g"))
    assert told(way, FAILED, FAILED) == ["f.k1", "g.k1", "stop"]
