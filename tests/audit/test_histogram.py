"""Buckets and the quantiles that are told from them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from audit import histogram

FINITE = st.floats(0, 600_000, allow_nan=False, exclude_min=True)


def counted(durations: list[float]) -> list[int]:
    counts = [0] * histogram.BUCKETS
    for duration in durations:
        counts[histogram.bucket(duration)] += 1
    return counts


def true_quantile(durations: list[float], share: float) -> float:
    return sorted(durations)[math.ceil(share * len(durations)) - 1]


def edges(duration: float) -> tuple[float, float]:
    """The bounds around a duration: above the first, at most the second."""
    below = [bound for bound in histogram.BOUNDS if bound < duration]
    return (below[-1] if below else 0), next(bound for bound in histogram.BOUNDS if bound >= duration)


@given(st.lists(FINITE, min_size=1, max_size=50), st.floats(0.001, 1))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(durations: list[float], share: float) -> None:
    estimate = histogram.quantile(counted(durations), share)
    low, high = edges(true_quantile(durations, share))
    assert estimate is not None and low < estimate <= high


@given(st.lists(st.floats(10, 60_000, exclude_min=True), min_size=1, max_size=50), st.floats(0.01, 1))
def test_between_10_ms_and_a_minute_it_is_off_by_two_thirds_at_most(durations: list[float], share: float) -> None:
    estimate, true = histogram.quantile(counted(durations), share), true_quantile(durations, share)
    assert estimate is not None and 3 / 5 <= estimate / true <= 5 / 3


@given(st.integers(100, 60_000), st.sampled_from((0.5, 0.95, 0.99)))
def test_of_evenly_spread_durations_it_is_nearly_exact(longest: int, share: float) -> None:
    durations = [longest * (number + 0.5) / 2000 for number in range(2000)]
    estimate, true = histogram.quantile(counted(durations), share), true_quantile(durations, share)
    assert estimate is not None
    # In the last bucket, which is not filled to its end, it is as far off as that lets it be.
    low, high = edges(durations[-1])
    if true <= low:
        assert abs(estimate - true) <= longest / 500
    else:
        assert low <= estimate <= high


@given(st.lists(FINITE), st.lists(FINITE), st.floats(0, 1))
def test_counts_add_up(some: list[float], others: list[float], share: float) -> None:
    added = [one + other for one, other in zip(counted(some), counted(others), strict=True)]
    assert histogram.quantile(added, share) == histogram.quantile(counted(some + others), share)


@given(st.lists(FINITE, min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_is_no_shorter_duration(durations: list[float], one: float, other: float) -> None:
    counts = counted(durations)
    smaller, larger = histogram.quantile(counts, min(one, other)), histogram.quantile(counts, max(one, other))
    assert smaller is not None and larger is not None and smaller <= larger


def test_nothing_counted_has_no_quantile() -> None:
    assert histogram.quantile([0] * histogram.BUCKETS, 0.5) is None


def test_what_is_longer_than_the_last_bound_is_told_as_that() -> None:
    assert histogram.quantile(counted([10_000_000.0]), 0.5) == 600_000


def test_a_bound_belongs_to_its_bucket() -> None:
    for number, bound in enumerate(histogram.BOUNDS):
        assert histogram.bucket(bound) == number
        assert histogram.bucket(math.nextafter(bound, math.inf)) == number + 1
    assert (histogram.bucket(0), histogram.bucket(-1)) == (0, 0)


def test_every_bucket_has_a_column() -> None:
    names = histogram.columns("x")
    assert (len(names), len(set(names))) == (histogram.BUCKETS, histogram.BUCKETS)
    assert (names[0], names[-2], names[-1]) == ("x_le_1", "x_le_600000", "x_more")
