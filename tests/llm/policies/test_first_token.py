"""How soon a model begins to answer, as of late."""

from __future__ import annotations

import pytest

from llm.policies.first_token import DECAY_SECONDS, FEWEST_SAMPLES, FORGOTTEN_SECONDS, SAMPLES, FirstToken


def told(*samples: tuple[float, float]) -> FirstToken:
    """(moment, seconds to the first token)"""
    known = FirstToken()
    for now, seconds in samples:
        known.note(seconds, now)
    return known


def test_nothing_is_known_at_first() -> None:
    assert FirstToken().lately(0.0) is None
    assert FirstToken().p95() is None


def test_a_slow_one_counts_at_once() -> None:
    known = told(*((float(n), 0.2) for n in range(50)), (50.0, 3.0))
    assert known.lately(50.0) == pytest.approx(3.0)


def test_fast_ones_make_up_for_it_the_more_the_later_they_come() -> None:
    assert told((0.0, 3.0), (0.0, 0.2)).lately(0.0) == pytest.approx(3.0)
    later = told((0.0, 3.0), (DECAY_SECONDS, 0.2)).lately(DECAY_SECONDS)
    assert later == pytest.approx(0.2 + 2.8 / 2.718281828)


def test_without_further_calls_it_decays_to_what_is_usual() -> None:
    known = told(*((float(n), 0.2) for n in range(50)), (50.0, 3.0))
    later = [known.lately(50.0 + seconds) for seconds in (0, 5, 10, 30, 100)]
    assert later == sorted(later, reverse=True)  # type: ignore[type-var]  # reason: all of them are known
    assert later[-1] == pytest.approx(0.2, abs=0.001)


def test_what_was_long_ago_is_not_known() -> None:
    known = told((0.0, 0.2))
    assert known.lately(FORGOTTEN_SECONDS) == pytest.approx(0.2)
    assert known.lately(FORGOTTEN_SECONDS + 1) is None


def test_a_clock_that_goes_back_does_no_harm() -> None:
    known = told((100.0, 3.0), (50.0, 0.2))
    assert 0.2 <= (known.lately(40.0) or 0) <= 3.0


def test_p95_of_the_latest() -> None:
    assert told(*((0.0, float(n)) for n in range(FEWEST_SAMPLES - 1))).p95() is None
    assert told(*((0.0, float(n)) for n in range(1, 101))).p95() == 96
    latest = told(*((0.0, 100.0) for _ in range(SAMPLES)), *((0.0, 1.0) for _ in range(SAMPLES)))
    assert latest.p95() == 1


def test_p95_follows_new_samples() -> None:
    known = told(*((0.0, 1.0) for _ in range(100)))
    assert known.p95() == 1
    for _ in range(30):
        known.note(9.0, 0.0)
    assert known.p95() == 9
