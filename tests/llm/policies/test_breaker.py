"""The breaker of one subject, read as tables: what happened when, and what is so afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llm.policies.breaker import KEY_RULES, RULES, Breaker, Rules

# What happens at a moment: f a failure, p one of the probe, s a success, c a claim, a a refused key, l a limit.
Story = list[tuple[float, str]]


def breaker(rules: Rules = RULES, *, random: float = 0.0) -> Breaker:
    return Breaker(rules, random=lambda: random)


def lived(story: Story, subject: Breaker | None = None) -> Breaker:
    subject = subject or breaker()
    deeds: dict[str, Callable[[float], object]] = {
        "f": lambda now: subject.failed(now, "server", probe=False),
        "p": lambda now: subject.failed(now, "server", probe=True),
        "s": subject.succeeded,
        "c": subject.claim,
        "a": lambda now: subject.refused(now, "auth", probe=True),
        "l": lambda now: subject.limited(now, None, probe=True),
    }
    for now, deed in story:
        deeds[deed](now)
    return subject


FIVE: Story = [(float(second), "f") for second in range(1, 6)]  # open from 5 to 10

STORIES: dict[str, tuple[Story, float, str]] = {
    "at first": ([], 0, "closed"),
    "four failures": (FIVE[:4], 5, "closed"),
    "five in a row": (FIVE, 5, "open"),
    "open, and the clock is set back": (FIVE, -3000, "half_open"),
    "cooling, and the clock is set back": ([(5000, "l")], 10, "closed"),
    "five, but not in a row": ([*FIVE[:4], (4.5, "s"), *FIVE[4:]], 6, "closed"),
    "five in a row over more than a minute": ([(15.5 * n, "f") for n in range(5)], 62.1, "closed"),
    "five in a row within a minute": ([(15.0 * n, "f") for n in range(5)], 60.0, "open"),
    "its time is nearly over": (FIVE, 9.99, "open"),
    "its time is over": (FIVE, 10, "half_open"),
    "the probe is under way": ([*FIVE, (10, "c")], 10, "half_open"),
    "the probe succeeded": ([*FIVE, (10, "c"), (11, "s")], 11, "closed"),
    "the probe failed": ([*FIVE, (10, "c"), (11, "p")], 11, "open"),
    "for twice as long": ([*FIVE, (10, "c"), (11, "p")], 20.99, "open"),
    "not longer": ([*FIVE, (10, "c"), (11, "p")], 21, "half_open"),
    "a failure of before is not the probe's": ([*FIVE, (10, "c"), (11, "f")], 11, "half_open"),
    "a failure of before while open": ([*FIVE, (6, "f"), (7, "p")], 10, "half_open"),
    "a success of before while open": ([*FIVE, (6, "s")], 6, "open"),
    "a success of before when its time is over": ([*FIVE, (10, "s")], 10, "closed"),
    "closed, it needs as many failures again": ([*FIVE, (10, "c"), (11, "s"), (12, "f")], 12, "closed"),
    "a refused key": ([(1, "a")], 1, "open"),
    "a limit": ([(1, "l")], 1.5, "cooling"),
    "a limit is lifted": ([(1, "l")], 2, "closed"),
    "a success while it cools down": ([(1, "l"), (1.5, "s")], 1.9, "cooling"),
    "failures while it cools down": ([(1, "l"), *[(1.5, "f")] * 5], 1.6, "open"),
    "a limit while open": ([*FIVE, (6, "l")], 6, "open"),
    "a limit answers the probe": ([*FIVE, (10, "c"), (11, "l")], 11.5, "cooling"),
    "and then it is well": ([*FIVE, (10, "c"), (11, "l")], 12, "closed"),
}


@pytest.mark.parametrize(("story", "now", "state"), STORIES.values(), ids=STORIES)
def test_states(story: Story, now: float, state: str) -> None:
    assert lived(story).seen(now) == state


def of(failures: int, attempts: int, *, over: float = 29.0) -> Story:
    """Failures spread evenly among successes."""
    deeds = ["f" if n * failures // attempts < (n + 1) * failures // attempts else "s" for n in range(attempts)]
    return [(over * n / attempts, deed) for n, deed in enumerate(deeds)]


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (of(10, 20), "open"),
        (of(9, 18), "closed"),  # too few attempts
        (of(9, 20), "closed"),  # fewer than half
        (of(50, 101), "closed"),
        (of(10, 20, over=60.0), "closed"),  # over more than the window
        ([*of(9, 19), (31.0, "f")], "closed"),  # what is older does not count any more
    ],
)
def test_half_of_many_failing_opens(story: Story, state: str) -> None:
    assert lived(story).seen(story[-1][0]) == state


def opened(subject: Breaker, now: float) -> float:
    """Fails until it is open; for how long."""
    subject.claim(now)
    for _ in range(5):
        subject.failed(now, "connection", probe=True)
    assert subject.state == "open"
    return subject.until - now


def lengths(subject: Breaker, *, well: float | None, times: int = 8) -> list[float]:
    """How long it is open, each time; in between it is well for so long, or (None) never."""
    found, now = [], 0.0
    for _ in range(times):
        found.append(opened(subject, now))
        now = subject.until
        if well is not None:
            subject.claim(now)
            subject.succeeded(now)
            now += well
    return found


def test_it_opens_for_twice_as_long_each_time_and_its_recovery_is_found_soon() -> None:
    assert lengths(breaker(), well=None) == pytest.approx([5, 10, 15, 15, 15, 15, 15, 15])


@pytest.mark.parametrize("well", [0.0, 59.9])
def test_one_that_flaps_is_asked_more_rarely(well: float) -> None:
    assert lengths(breaker(), well=well) == pytest.approx([5, 10, 20, 40, 80, 120, 120, 120])


def test_after_an_outage_that_comes_back_it_is_asked_more_rarely_than_in_it() -> None:
    subject = breaker()
    assert lengths(subject, well=None)[-1] == 15
    subject.claim(1000.0)
    subject.succeeded(1000.0)
    assert [opened(subject, now) for now in (1001.0, 1041.0, 1081.0)] == pytest.approx([30, 30, 30])


def test_after_a_while_without_trouble_it_begins_anew() -> None:
    assert lengths(breaker(), well=60.1) == pytest.approx([5] * 8)


def test_a_key_is_left_alone_for_longer() -> None:
    assert lengths(breaker(KEY_RULES), well=None) == pytest.approx([30, 60, 120, 240, 480, 600, 600, 600])


def test_chance_makes_it_shorter_by_a_fifth_at_most() -> None:
    assert opened(breaker(random=0.999), 0.0) == pytest.approx(4, abs=0.01)


class TestProbe:
    def test_one_at_a_time(self) -> None:
        subject = lived(FIVE)
        assert [subject.claim(10), subject.claim(10), subject.claim(39.9)] == [True, False, False]

    def test_a_lost_one_is_given_up(self) -> None:
        subject = lived([*FIVE, (10, "c")])
        assert [subject.claim(40), subject.claim(41)] == [True, False]

    def test_one_that_said_nothing_makes_room(self) -> None:
        subject = lived([*FIVE, (10, "c")])
        subject.give_back(11)
        assert subject.seen(11) == "half_open"
        assert [subject.claim(11), subject.claim(11)] == [True, False]

    def test_the_next_may_have_to_wait(self) -> None:
        subject = lived([*FIVE, (10, "c")])
        subject.give_back(11, wait=1)
        assert [subject.claim(11.9), subject.claim(12)] == [False, True]

    def test_a_late_failure_of_a_lost_one_still_counts(self) -> None:
        assert lived([*FIVE, (10, "c"), (45, "p")]).seen(45) == "open"

    @pytest.mark.parametrize("story", [[], FIVE[:4], FIVE, [(9.5, "l")]])
    def test_nothing_has_to_be_claimed_unless_it_is_half_open(self, story: Story) -> None:
        subject = lived(story)
        before = subject.seen(9.9)
        assert [subject.claim(9.9), subject.claim(9.9)] == [True, True]
        assert subject.seen(9.9) == before


class TestCooling:
    def cooled(self, *seconds: float | None, every: float = 100.0) -> list[float]:
        subject, found = breaker(), []
        for number, named in enumerate(seconds):
            now = 1000 + every * number
            subject.limited(now, named, probe=False)
            found.append(subject.until - now)
        return found

    def test_for_the_time_that_was_named(self) -> None:
        assert self.cooled(20.0, 0.5, every=30) == [20, 0.5]

    @pytest.mark.parametrize("named", [3600.0, 3601.0, 1e300, float("inf")])
    def test_for_an_hour_at_most(self, named: float) -> None:
        assert self.cooled(named) == [3600]

    @pytest.mark.parametrize("named", [None, 0.0, -1.0, float("nan")])
    def test_by_its_own_measure_where_none_was_named(self, named: float | None) -> None:
        assert self.cooled(*[named] * 7) == [1, 2, 4, 8, 16, 30, 30]

    def test_a_success_ends_the_doubling(self) -> None:
        subject = lived([(1, "l"), (2, "l"), (4, "s"), (5, "l")])
        assert subject.until == 6

    def test_several_that_were_under_way_are_one_limit(self) -> None:
        subject = lived([(1, "l"), (1.1, "l"), (1.2, "l")])
        assert subject.until == 2

    def test_of_several_times_the_latest_counts(self) -> None:
        subject = breaker()
        for now, seconds in [(0.0, 20.0), (1.0, 5.0), (2.0, 30.0)]:
            subject.limited(now, seconds, probe=False)
        assert subject.until == 32


class TestByHand:
    def test_a_reset_forgets_everything(self) -> None:
        subject = breaker()
        assert opened(subject, 0.0) == 5
        subject.reset(1.0)
        assert (subject.seen(1.0), subject.failures, subject.category) == ("closed", 0, "")
        assert opened(subject, 2.0) == 5  # no relapse

    def test_what_was_found_broken_opens(self) -> None:
        subject = breaker()
        subject.force(0.0, "timeout")
        assert (subject.seen(0.0), subject.until, subject.category) == ("open", 5, "timeout")

    def test_found_broken_again_it_stays_open_for_longer_once_its_time_is_over(self) -> None:
        subject = breaker()
        for now in (0.0, 4.0, 5.0):
            subject.force(now, "timeout")
        assert subject.until == 15

    def test_what_another_process_says_is_bounded_by_the_own_rules(self) -> None:
        subject = breaker()
        subject.adopt(0.0, state="open", until=1e9, category="server", failures=7, level=10**9)
        assert (subject.seen(119.0), subject.seen(120.0)) == ("open", "half_open")
        subject.adopt(0.0, state="cooling", until=1e9)
        assert (subject.seen(3599.0), subject.seen(3600.0)) == ("cooling", "closed")

    def test_it_goes_on_doubling_where_another_process_stopped(self) -> None:
        subject = breaker()
        subject.adopt(0.0, state="open", until=40.0, category="server", failures=7, level=3, relapses=2)
        assert opened(subject, 40.0) == pytest.approx(60)


@pytest.mark.parametrize(
    ("story", "last"), [([(1, "f")], 61), ([*FIVE, (10, "s")], 70), ([(1, "l")], 62), ([], 60)], ids=str
)
def test_it_can_be_forgotten_when_nothing_of_it_matters(story: Story, last: float) -> None:
    subject = lived(story)
    assert (subject.quiet(last), subject.quiet(last + 0.1)) == (False, True)


def test_what_is_open_is_never_quiet() -> None:
    assert not lived(FIVE).quiet(1e6)
