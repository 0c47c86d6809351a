"""What holds of a breaker whatever happens to it."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from llm.policies.breaker import KEY_RULES, RULES, Breaker, Rules

DEEDS = ("failed", "probe failed", "succeeded", "refused", "limited", "limited for", "claim", "give back", "force")
steps = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 1.0, 4.0, 7.0, 31.0, 200.0]), st.sampled_from(DEEDS)), max_size=60
)
rules_of = st.sampled_from([RULES, KEY_RULES])


class Life:
    """A breaker to which one thing after the other happens, and a look at it each time."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self.breaker = Breaker(rules, random=random.Random(seed).random)
        self.now = 1000.0
        self.probe_until = 0.0  # 0: none is under way
        self.deeds: dict[str, Callable[[], object]] = {
            "failed": lambda: self.breaker.failed(self.now, "server", probe=False),
            "probe failed": lambda: self.breaker.failed(self.now, "timeout", probe=True),
            "succeeded": lambda: self.breaker.succeeded(self.now),
            "refused": lambda: self.breaker.refused(self.now, "auth", probe=True),
            "limited": lambda: self.breaker.limited(self.now, None, probe=True),
            "limited for": lambda: self.breaker.limited(self.now, 1e6, probe=True),
            "claim": self.claim,
            "give back": lambda: self.breaker.give_back(self.now),
            "force": lambda: self.breaker.force(self.now, "connection"),
        }

    def live(self, wait: float, deed: str) -> None:
        self.now += wait
        self.deeds[deed]()
        if deed == "give back" or self.breaker.state != "half_open":
            self.probe_until = 0.0

    def claim(self) -> None:
        half_open = self.breaker.seen(self.now) == "half_open"
        may = self.breaker.claim(self.now)
        if not half_open:
            assert may
        elif may:
            assert self.now >= self.probe_until, "two probes at once"
            self.probe_until = self.now + self.breaker.rules.lease


@settings(max_examples=300, deadline=None)
@given(steps, rules_of, st.integers(0, 99))
def test_whatever_happens(story: list[tuple[float, str]], rules: Rules, seed: int) -> None:
    life = Life(rules, seed)
    for wait, deed in story:
        life.live(wait, deed)
        breaker, now = life.breaker, life.now
        bound = {"open": rules.open_most, "cooling": rules.cool_longest, "half_open": rules.lease, "closed": 0.0}
        assert breaker.until - now <= bound[breaker.state] + 1e-6
        assert breaker.since <= now
    # Time and one success lead out of whatever state it is in.
    later = max(life.breaker.until, life.now)
    assert life.breaker.seen(later) in ("closed", "half_open")
    assert life.breaker.claim(later)
    life.breaker.succeeded(later)
    assert life.breaker.seen(later) == "closed"
    assert life.breaker.quiet(later + 61)


@settings(max_examples=100, deadline=None)
@given(rules_of, st.integers(0, 999), st.lists(st.floats(0, 59), min_size=12, max_size=12))
def test_a_flapping_subject_is_asked_ever_more_rarely(rules: Rules, seed: int, well: list[float]) -> None:
    """It answers each probe and is down again within a minute."""
    breaker, now, lengths = Breaker(rules, random=random.Random(seed).random), 0.0, []
    for seconds in well:
        now += seconds
        for _ in range(rules.in_a_row):
            breaker.failed(now, "server", probe=False)
        assert breaker.state == "open"
        lengths.append(breaker.until - now)
        now = breaker.until
        assert breaker.claim(now)
        breaker.succeeded(now)
        assert breaker.seen(now) == "closed"
    least = [rules.open_most * (1 - rules.jitter)] * len(lengths)
    assert all(
        later > sooner or later >= bound for sooner, later, bound in zip(lengths, lengths[1:], least, strict=False)
    )
    assert lengths[-1] >= least[0]


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 40), st.floats(0, 1000), st.integers(0, 99))
def test_of_many_claims_one_is_the_probe(claims: int, after: float, seed: int) -> None:
    breaker = Breaker(RULES, random=random.Random(seed).random)
    breaker.force(0.0, "server")
    now = breaker.until + after
    assert sum(breaker.claim(now) for _ in range(claims)) == 1
