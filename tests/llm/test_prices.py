"""What a call costs: whole numbers, rounded up once, from the price of the day and the rates of its length."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.errors import UpstreamFailed
from llm.observe.spool import MemorySink
from llm.prices import MOST_COST, Price, Rates, Tier, cost, cost_of, in_usd, price_at
from llm.snapshot import Model
from llm.spec import Usage
from tests.llm.service.scripted import Outcome, ScriptedAdapter, call, gateway, result
from tests.llm.service.snapshots import snapshot, upstream

RATE = st.integers(0, 10**12)
MAYBE = st.none() | RATE
RATES = st.builds(Rates, RATE, RATE, MAYBE, MAYBE, MAYBE, MAYBE)
PRICES = st.builds(Price, st.just(0.0), RATES, st.just(()), RATE, RATE)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """As a provider counts that counts well: the parts are in the whole."""
    plain, cached, written, answered, thought = (draw(st.integers(0, 10**7)) for _ in range(5))
    return Usage(plain + cached + written, answered + thought, cached, written, thought)


def exact(price: Price, usage: Usage) -> Fraction:
    """By the definition, with fractions."""
    rates = price.rates
    read = rates.input if rates.cache_read is None else rates.cache_read
    write = next((rate for rate in (rates.cache_write_5m, rates.cache_write_1h) if rate is not None), rates.input)
    thought = rates.output if rates.reasoning is None else rates.reasoning
    plain = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    parts = [
        (plain, rates.input),
        (usage.cached_tokens, read),
        (usage.cache_write_tokens, write),
        (usage.output_tokens - usage.reasoning_tokens, rates.output),
        (usage.reasoning_tokens, thought),
    ]
    return sum((Fraction(tokens * rate, 10**6) for tokens, rate in parts), Fraction(price.per_request))


@given(PRICES, usages())
def test_it_is_the_exact_sum_rounded_up_once(price: Price, usage: Usage) -> None:
    assert cost(price, usage) == min(ceil(exact(price, usage)), MOST_COST)


@given(PRICES, usages(), usages())
def test_more_tokens_never_cost_less(price: Price, one: Usage, other: Usage) -> None:
    both = Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
    )
    assert cost(price, both) >= max(cost(price, one), cost(price, other))


@given(PRICES, st.builds(Usage, *[st.integers(0, 10**12)] * 5))
def test_no_usage_costs_less_than_nothing_or_more_than_the_bound(price: Price, usage: Usage) -> None:
    found = cost(price, usage, images=3)
    assert type(found) is int
    assert 0 <= found <= MOST_COST


@given(st.lists(st.floats(0, 1000), max_size=6), st.floats(-10, 1010))
def test_the_newest_price_that_is_valid_counts(starts: list[float], when: float) -> None:
    prices = [Price(start) for start in starts]
    found = price_at(prices, when)
    past = [start for start in starts if start <= when]
    assert (found.valid_from if found else None) == (max(past) if past else None)


@pytest.mark.parametrize(
    ("tokens", "expected"), [(1, 1), (199_999, 199_999), (200_000, 400_000), (999_999, 1_999_998), (10**6, 9 * 10**6)]
)
def test_a_long_context_has_its_own_rates_for_all_tokens(tokens: int, expected: int) -> None:
    tiers = (Tier(200_000, Rates(input=2_000_000)), Tier(10**6, Rates(input=9_000_000)))
    assert cost(Price(rates=Rates(input=1_000_000), tiers=tiers), Usage(input_tokens=tokens)) == expected


def test_cache_writes_for_an_hour_count_where_five_minutes_have_no_price() -> None:
    usage = Usage(input_tokens=10**6, cache_write_tokens=10**6)
    assert cost(Price(rates=Rates(1, 1, cache_write_5m=5, cache_write_1h=7)), usage) == 5
    assert cost(Price(rates=Rates(1, 1, cache_write_1h=7)), usage) == 7
    assert cost(Price(per_image=4, per_request=10), Usage(), images=2) == 18


def test_a_call_before_the_first_price_has_no_cost() -> None:
    assert cost_of((), Usage(), when=5, succeeded=True) is None
    assert cost_of((Price(10, per_request=3),), Usage(), when=5, succeeded=True) is None
    assert cost_of((Price(10, per_request=3),), Usage(), when=10, succeeded=True) == 3
    assert cost_of((Price(10, per_request=3),), Usage(), when=10, succeeded=False) == 0


async def recorded(*outcomes: Outcome, price: Price | None) -> int | None:
    """The cost in the record of a call that began at second 1,000."""
    model = Model("a", "m", prices=(price,) if price else ())
    sink = MemorySink()
    door = gateway(snapshot([upstream("a", "openai")], [model]), sink, ScriptedAdapter(*outcomes))
    try:
        await door.complete(call())
    except UpstreamFailed:
        assert isinstance(outcomes[-1], UpstreamFailed)
    return sink.records[0].cost_nano_usd


async def test_the_record_of_a_call_holds_its_cost() -> None:
    # 12 tokens in, of which 4 from a cache and 2 into it; 3 out, of which 1 thought.
    rates = Rates(10**6, 10**7, cache_read=10**5, cache_write_5m=2 * 10**6, reasoning=5 * 10**6)
    assert await recorded(result(), price=Price(rates=rates, per_request=1000)) == 6 + 1 + 4 + 20 + 5 + 1000
    assert await recorded(result(), price=None) is None
    assert await recorded(result(), price=Price(1001.0, per_request=1)) is None
    failed = [UpstreamFailed("No.")] * 3
    assert await recorded(*failed, price=Price(rates=rates, per_request=1000)) == 0


@pytest.mark.parametrize(
    ("nano", "shown"), [(0, "0"), (1, "0.000000001"), (123_000, "0.000123"), (10**9, "1"), (12_500_000_000, "12.5")]
)
def test_a_cost_is_shown_exactly(nano: int, shown: str) -> None:
    assert in_usd(nano) == shown
    assert Fraction(shown) * 10**9 == nano
