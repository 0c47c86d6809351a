"""The order of a route's targets: one table for each strategy."""

from __future__ import annotations

import pytest

from llm.policies import route, strategies
from llm.prices import Price, Rates
from llm.snapshot import Model, Route, RouteTarget
from tests.llm.policies.known import ANYONE, USD, Known, order, planned, routed
from tests.llm.service.snapshots import snapshot, upstream

EQUAL = {"a": (1, 1), "b": (1, 1), "c": (1, 1)}


@pytest.mark.parametrize(
    ("targets", "random", "expected"),
    [
        ({"a": (1, 1)}, 0.0, "a"),
        (EQUAL, 0.0, "abc"),
        (EQUAL, 0.5, "bca"),
        (EQUAL, 0.99, "cba"),
        ({"a": (2, 9), "b": (1, 1), "c": (3, 1)}, 0.0, "bac"),
        ({"a": (2, 1), "b": (1, 1), "c": (1, 9)}, 0.5, "cba"),
        ({"a": (1, 0), "b": (1, 1), "c": (2, 9)}, 0.0, "bac"),
        ({"a": (1, 0), "b": (1, 0)}, 0.9, "ab"),
    ],
)
def test_priority(targets: dict[str, tuple[int, int]], random: float, expected: str) -> None:
    assert order(planned(routed("priority", targets, fallbacks="yx"), random=random)) == f"{expected}|yx"


@pytest.mark.parametrize(
    ("targets", "random", "expected"),
    [
        (EQUAL, 0.0, "abc"),
        (EQUAL, 0.99, "cba"),
        ({"a": (2, 1), "b": (1, 1), "c": (9, 8)}, 0.5, "cba"),
        ({"a": (2, 1), "b": (1, 1), "c": (9, 8)}, 0.15, "bca"),
        ({"a": (1, 0), "b": (2, 1), "c": (3, 1)}, 0.99, "cba"),
    ],
)
def test_weighted(targets: dict[str, tuple[int, int]], random: float, expected: str) -> None:
    assert order(planned(routed("weighted", targets, fallbacks="yx"), random=random)) == f"{expected}|yx"


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (EQUAL, ["abc", "bca", "cab", "abc", "bca"]),
        ({"b": (1, 1), "a": (1, 1)}, ["ba", "ab", "ba"]),
        ({"a": (1, 2), "b": (1, 1)}, ["ab", "ba", "ab", "ab", "ba", "ab"]),
        ({"a": (1, 5), "b": (1, 1), "c": (1, 1)}, ["abc", "abc", "bca", "abc", "cab", "abc", "abc", "abc"]),
        ({"a": (2, 1), "b": (1, 1), "c": (1, 1)}, ["bca", "cba", "bca"]),
        ({"a": (1, 0), "b": (1, 1), "c": (1, 1)}, ["bca", "cba", "bca"]),
        ({"a": (1, 0), "b": (1, 0)}, ["ab", "ab"]),
    ],
)
def test_round_robin(targets: dict[str, tuple[int, int]], expected: list[str]) -> None:
    config, known = routed("round_robin", targets, fallbacks="yx"), Known()
    assert [order(planned(config, known, random=0.7)) for _ in expected] == [f"{one}|yx" for one in expected]
    assert set(known.turns) == {"r"}


def test_turns_are_counted_for_round_robin_alone_and_where_there_is_a_choice() -> None:
    known = Known()
    for strategy in ("priority", "weighted", "least_latency", "lowest_cost", "least_busy"):
        planned(routed(strategy, EQUAL), known)
    planned(routed("round_robin", {"a": (1, 1)}), known)
    assert known.turns == {}


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (5, 3, 2), (7, 7, 1), (1, 2, 3, 4), (40, 10), (500, 499)])
def test_turns_of_round_robin_are_spread_evenly_at_every_moment(weights: tuple[int, ...]) -> None:
    """No target is ever further than about one turn from its share."""
    turns, taken = strategies._turns(weights), [0] * len(weights)
    for number, place in enumerate(turns, start=1):
        taken[place] += 1
        for one, weight in zip(taken, weights, strict=True):
            assert abs(one - number * weight / sum(weights)) < 1.5
    assert [one * sum(weights) for one in taken] == [weight * len(turns) for weight in weights]


def test_great_weights_make_no_long_rounds() -> None:
    turns = strategies._turns((1_000_003, 1))
    assert len(turns) <= 1025 and turns.count(1) == 1


@pytest.mark.parametrize(
    ("targets", "speeds", "random", "expected"),
    [
        (EQUAL, {"a": 0.5, "b": 0.2, "c": 0.9}, 0.0, "bac"),
        (EQUAL, {"a": 0.5, "b": 0.2, "c": 0.9}, 0.97, "bac"),
        # Every fiftieth call asks one that was slower: it may have recovered.
        (EQUAL, {"a": 0.5, "b": 0.2, "c": 0.9}, 0.985, "cba"),
        # A hair's breadth decides nothing.
        (EQUAL, {"a": 0.21, "b": 0.2, "c": 0.9}, 0.0, "bac"),
        (EQUAL, {"a": 0.21, "b": 0.2, "c": 0.9}, 0.6, "abc"),
        (EQUAL, {"a": 0.23, "b": 0.2, "c": 0.9}, 0.6, "bac"),
        # What is not known stands behind, and comes first in every tenth call.
        (EQUAL, {"b": 0.5, "c": 0.2}, 0.0, "cba"),
        (EQUAL, {"b": 0.5, "c": 0.2}, 0.9, "acb"),
        (EQUAL, {"b": 0.5, "c": 0.2}, 0.985, "bca"),
        (EQUAL, {}, 0.0, "abc"),
        (EQUAL, {}, 0.5, "bca"),
        ({"a": (2, 1), "b": (1, 1), "c": (1, 1)}, {"a": 0.1, "b": 0.9, "c": 0.3}, 0.0, "cba"),
        ({"a": (1, 0), "b": (1, 1), "c": (1, 1)}, {"a": 0.1, "b": 0.9, "c": 0.3}, 0.0, "cba"),
        ({"a": (1, 0), "b": (1, 1), "c": (1, 0)}, {"a": 0.1}, 0.93, "bac"),
    ],
)
def test_least_latency(
    targets: dict[str, tuple[int, int]], speeds: dict[str, float], random: float, expected: str
) -> None:
    config = routed("least_latency", targets, fallbacks="yx")
    assert order(planned(config, Known(speeds={**speeds, "y": 9, "x": 1}), random=random)) == f"{expected}|yx"


@pytest.mark.parametrize(
    ("targets", "prices", "random", "expected"),
    [
        (EQUAL, {"a": (3, 15), "b": (1, 5), "c": (2, 8)}, 0.0, "bca"),
        (EQUAL, {"a": (10, 1), "b": (1, 9), "c": (3, 3)}, 0.0, "cba"),
        (EQUAL, {"b": (1, 5), "c": (0, 0)}, 0.0, "cba"),
        (EQUAL, {"a": (1, 5), "b": (5, 1), "c": (9, 9)}, 0.0, "abc"),
        (EQUAL, {"a": (1, 5), "b": (5, 1), "c": (9, 9)}, 0.9, "bac"),
        ({"a": (2, 1), "b": (1, 1), "c": (1, 1)}, {"a": (1, 1), "b": (2, 2), "c": (1, 1)}, 0.9, "cab"),
        ({"a": (9, 1), "b": (1, 1), "c": (1, 1)}, {"a": (1, 1), "b": (3, 3), "c": (2, 2)}, 0.0, "acb"),
        ({"a": (1, 0), "b": (1, 1), "c": (1, 1)}, {"a": (1, 1), "b": (3, 3)}, 0.0, "bca"),
        (EQUAL, {}, 0.5, "bca"),
    ],
)
def test_lowest_cost(
    targets: dict[str, tuple[int, int]], prices: dict[str, tuple[int, int]], random: float, expected: str
) -> None:
    config = routed("lowest_cost", targets, fallbacks="yx", prices={**prices, "y": (9, 9), "x": (1, 1)})
    assert order(planned(config, random=random)) == f"{expected}|yx"


def test_lowest_cost_goes_by_the_price_of_the_moment() -> None:
    falling = (Price(0, Rates(9 * USD, 9 * USD)), Price(100, Rates(1 * USD, 1 * USD)))
    models = [Model("a", "m", prices=(Price(rates=Rates(2 * USD, 2 * USD)),)), Model("b", "m", prices=falling)]
    made = Route("r", (RouteTarget("a", "m"), RouteTarget("b", "m")), strategy="lowest_cost")
    config = snapshot([upstream("a"), upstream("b")], models, [made])
    assert [order(planned(config, now=now)) for now in (99.0, 100.0)] == ["ab", "ba"]


@pytest.mark.parametrize(
    ("targets", "loads", "random", "expected"),
    [
        (EQUAL, {"a": 3, "b": 1, "c": 2}, 0.0, "bca"),
        (EQUAL, {"a": 3, "b": 1}, 0.9, "cba"),
        (EQUAL, {}, 0.0, "abc"),
        (EQUAL, {}, 0.5, "bca"),
        (EQUAL, {"a": 1}, 0.9, "cba"),
        ({"a": (1, 4), "b": (1, 1), "c": (1, 2)}, {"a": 6, "b": 2, "c": 2}, 0.0, "cab"),
        ({"a": (2, 1), "b": (1, 1), "c": (1, 1)}, {"b": 9, "c": 8}, 0.0, "cba"),
        ({"a": (1, 0), "b": (1, 1), "c": (1, 1)}, {"b": 9, "c": 8}, 0.0, "cba"),
    ],
)
def test_least_busy(targets: dict[str, tuple[int, int]], loads: dict[str, int], random: float, expected: str) -> None:
    config = routed("least_busy", targets, fallbacks="yx")
    assert order(planned(config, Known(loads={**loads, "y": 5}), random=random)) == f"{expected}|yx"


def test_the_plan_says_which_strategy_it_went_by() -> None:
    for strategy in strategies._ORDERS:
        for targets in ({"a": (1, 1)}, EQUAL):
            assert planned(routed(strategy, targets)).strategy == strategy
    without = route.plan(routed("weighted", EQUAL), ANYONE, "a/m", now=0, random=lambda: 0.0)
    assert (without.route, without.strategy) == ("", "")
