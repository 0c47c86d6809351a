"""What holds of every plan of a route, whatever is configured and known."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from llm.policies.plan import Bar, Candidate
from llm.policies.strategies import _ORDERS
from llm.snapshot import Strategy, UpstreamKey
from tests.llm.policies.known import Known, planned, routed
from tests.llm.service.snapshots import upstream

Targets = dict[str, tuple[int, int]]

strategies = st.sampled_from(sorted(_ORDERS))
targets = st.dictionaries(
    st.sampled_from("abcde"), st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=5
)
bars = st.dictionaries(
    st.sampled_from([*"abcdexy", "a k1", "a k2", "x k1"]),
    st.builds(Bar, st.just("barred"), st.floats(1, 100), st.booleans(), st.sampled_from(["", "auth", "server"])),
    max_size=5,
)
conditions = st.builds(
    Known,
    bars=bars,
    speeds=st.dictionaries(st.sampled_from("abcde"), st.floats(0.1, 2), max_size=5),
    loads=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 5), max_size=5),
)
prices = st.dictionaries(st.sampled_from("abcde"), st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=5)
sessions = st.one_of(st.none(), st.sampled_from(["s1", "s2", "s3"]))
POOLS = {name: upstream(name, "openai", keys=(UpstreamKey("k1", "s"), UpstreamKey("k2", "s", 0))) for name in "ax"}


def place(candidate: Candidate) -> tuple[str, str]:
    return candidate.name, candidate.key.key_id if candidate.key else ""


@given(strategies, targets, st.text("xy", max_size=2).map(lambda names: "".join(dict.fromkeys(names))), conditions)
def test_every_candidate_stands_once_or_is_skipped(
    strategy: Strategy, targets: Targets, fallbacks: str, known: Known
) -> None:
    config = routed(strategy, targets, fallbacks=fallbacks, upstreams=POOLS)
    plan = planned(config, known, random=Random(3).random)

    def barred(name: str, key: str) -> bool:
        bar = known.bars.get(f"{name} {key}") or known.bars.get(name)
        return bar is not None and not bar.waits

    for role, names, found in (("target", targets, plan.candidates), ("fallback", fallbacks, plan.fallbacks)):
        everyone = {(f"{name}/m", key) for name in names for key in (("k1", "k2") if name in "ax" else ("",))}
        stands = {(name, key) for name, key in everyone if not barred(name[0], key)}
        assert Counter(map(place, found)) == Counter(stands)
        assert {one.model for one in plan.skipped if one.role == role} == {name for name, _ in everyone - stands}
    assert (plan.error is None) == bool(plan.candidates or plan.fallbacks)
    assert [one.name[0] for one in plan.fallbacks] == sorted(
        [one.name[0] for one in plan.fallbacks], key=fallbacks.index
    )


@given(strategies, targets, conditions, prices, sessions, st.integers(0, 9))
def test_weight_zero_and_higher_priority_numbers_come_last(
    strategy: Strategy, targets: Targets, known: Known, prices: Targets, session: str | None, seed: int
) -> None:
    known.bars = {}
    plan = planned(routed(strategy, targets, prices=prices), known, random=Random(seed).random, session_key=session)
    ranks = [targets[one.name[0]] for one in plan.candidates]
    alone = strategy in ("weighted", "lowest_cost")
    asked = [(0 if alone else priority, weight == 0) for priority, weight in ranks]
    assert asked == sorted(asked)


@given(strategies, targets, conditions, sessions, st.integers(0, 9))
def test_what_cools_down_stands_behind_what_does_not(
    strategy: Strategy, targets: Targets, known: Known, session: str | None, seed: int
) -> None:
    plan = planned(routed(strategy, targets), known, random=Random(seed).random, session_key=session)
    waits = [id(one) in plan.cooling for one in plan.candidates]
    assert waits == sorted(waits)
    assert len(plan.cooling) == sum(waits)


@given(strategies, targets, conditions, sessions, st.integers(0, 9))
def test_the_same_moment_makes_the_same_plan(
    strategy: Strategy, targets: Targets, known: Known, session: str | None, seed: int
) -> None:
    config = routed(strategy, targets)
    plans = []
    for _ in range(2):
        known.turns.clear()
        plans.append(planned(config, known, random=Random(seed).random, session_key=session))
    assert plans[0].candidates == plans[1].candidates
    assert plans[0].skipped == plans[1].skipped
