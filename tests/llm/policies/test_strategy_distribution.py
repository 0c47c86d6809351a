"""How often each target comes first, over many calls with seeded chance: by chi-square, which is exceeded once in a
thousand seeds, or exactly where chance has no part."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from random import Random

import pytest

from llm.policies.plan import Bar
from llm.policies.strategies import SHARE_OF_SLOWER, SHARE_OF_UNKNOWN
from llm.snapshot import Snapshot, Strategy, UpstreamKey
from tests.llm.policies.known import Known, order, planned, routed
from tests.llm.service.snapshots import upstream

CALLS = 6000
WEIGHTS = {"a": (1, 1), "b": (1, 2), "c": (1, 5)}
# Of chi-square, by degrees of freedom: https://www.itl.nist.gov/div898/handbook/eda/section3/eda3674.htm
ONCE_IN_A_THOUSAND = {1: 10.83, 2: 13.82, 5: 20.52}


def orders(config: Snapshot, known: Known | None = None, *, calls: int = CALLS) -> Counter[str]:
    random, known = Random(7), known or Known()
    return Counter(order(planned(config, known, random=random.random)) for _ in range(calls))


def firsts(config: Snapshot, known: Known | None = None, *, calls: int = CALLS) -> Counter[str]:
    found: Counter[str] = Counter()
    for one, times in orders(config, known, calls=calls).items():
        found[one[0]] += times
    return found


def assert_shares(found: Counter[str], shares: dict[str, float]) -> None:
    """`shares` of the whole, which add up to 1."""
    assert set(found) <= set(shares)
    whole = found.total()
    off = sum((found[name] - whole * share) ** 2 / (whole * share) for name, share in shares.items())
    assert off < ONCE_IN_A_THOUSAND[len(shares) - 1], (found, shares)


@pytest.mark.parametrize("strategy", ["priority", "weighted", "least_latency", "lowest_cost", "least_busy"])
def test_equals_are_drawn_by_weight(strategy: Strategy) -> None:
    assert_shares(firsts(routed(strategy, WEIGHTS)), {"a": 1 / 8, "b": 2 / 8, "c": 5 / 8})


@pytest.mark.parametrize("strategy", ["priority", "weighted"])
def test_every_place_is_drawn_by_weight(strategy: Strategy) -> None:
    weights = {"a": 1, "b": 2, "c": 5}
    shares = {
        "".join(one): weights[one[0]] / 8 * weights[one[1]] / (8 - weights[one[0]]) for one in permutations(weights)
    }
    assert_shares(orders(routed(strategy, WEIGHTS)), shares)


def test_priority_asks_the_next_ones_only_in_need() -> None:
    found = firsts(routed("priority", {**WEIGHTS, "z": (2, 99)}))
    assert found["z"] == 0


def test_weighted_draws_over_all_priorities() -> None:
    config = routed("weighted", {"a": (1, 1), "b": (2, 2), "c": (9, 5)})
    assert_shares(firsts(config), {"a": 1 / 8, "b": 2 / 8, "c": 5 / 8})


def test_round_robin_is_exact_over_each_round() -> None:
    config, known = routed("round_robin", WEIGHTS), Known()
    for _ in range(5):
        assert firsts(config, known, calls=8) == {"a": 1, "b": 2, "c": 5}


def test_round_robin_shares_out_what_is_barred_by_weight() -> None:
    """Not all to the next in turn."""
    for waits in (True, False):
        known = Known(bars={"c": Bar("breaker open", 100, waits=waits)})
        assert firsts(routed("round_robin", WEIGHTS), known, calls=9) == {"a": 3, "b": 6}


def test_least_latency_asks_the_fastest_and_now_and_then_another() -> None:
    config = routed("least_latency", {"a": (1, 1), "b": (1, 1), "c": (1, 3)})
    known = Known(speeds={"a": 0.2, "b": 0.6, "c": 0.9})
    slower = {"b": SHARE_OF_SLOWER / 4, "c": SHARE_OF_SLOWER * 3 / 4}
    assert_shares(firsts(config, known), {"a": 1 - SHARE_OF_SLOWER, **slower})


def test_least_latency_tries_unknown_ones_but_not_all_calls_at_once() -> None:
    config = routed("least_latency", {"a": (1, 1), "b": (1, 1), "c": (1, 3)})
    unknown = {"b": SHARE_OF_UNKNOWN / 4, "c": SHARE_OF_UNKNOWN * 3 / 4}
    assert_shares(firsts(config, Known(speeds={"a": 0.2})), {"a": 1 - SHARE_OF_UNKNOWN, **unknown})


def test_least_latency_draws_among_those_that_are_as_fast() -> None:
    config = routed("least_latency", {"a": (1, 1), "b": (1, 2)})
    assert_shares(firsts(config, Known(speeds={"a": 0.2, "b": 0.21})), {"a": 1 / 3, "b": 2 / 3})


def test_lowest_cost_never_asks_a_dearer_one_first() -> None:
    prices = {"a": (1, 1), "b": (1, 1), "c": (1, 2)}
    assert_shares(firsts(routed("lowest_cost", WEIGHTS, prices=prices)), {"a": 1 / 3, "b": 2 / 3})


def test_least_busy_fills_up_by_weight() -> None:
    """Calls that never end: at each moment each target has its share of them."""
    config, random, loads = routed("least_busy", WEIGHTS), Random(7), dict.fromkeys("abc", 0)
    for number in range(1, 401):
        loads[order(planned(config, Known(loads=loads), random=random.random))[0]] += 1
        for name, (_, weight) in WEIGHTS.items():
            assert abs(loads[name] - number * weight / 8) <= 3
    assert loads == {"a": 50, "b": 100, "c": 250}


def test_keys_of_a_pool_are_drawn_by_weight() -> None:
    pool = upstream("a", "openai", keys=(UpstreamKey("x", "s", 1), UpstreamKey("y", "s", 3), UpstreamKey("z", "s", 0)))
    config, random = routed("priority", {"a": (1, 1)}, upstreams={"a": pool}), Random(7)
    found: Counter[str] = Counter()
    for _ in range(CALLS):
        keys = [one.key.key_id for one in planned(config, random=random.random).candidates if one.key]
        found[keys[0]] += 1
        assert keys[-1] == "z"
    assert_shares(found, {"x": 1 / 4, "y": 3 / 4})
