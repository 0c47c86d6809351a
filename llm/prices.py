"""What a call costs: whole numbers only, rounded once.

Prices are in nano-USD per million tokens; `per_image` and `per_request` in nano-USD each. A price holds from its
moment until the next one's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from llm.spec import Usage

MILLION: Final = 1_000_000
RATES: Final = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
# 100,000 USD for one call. A provider that counts nonsense must not make a sum overflow.
MOST_COST: Final = 10**14


@dataclass(frozen=True, slots=True)
class Rates:
    """`input` and `output` are 0 where nothing is said. None: what is read from or written to a cache counts as input,
    what is thought as output; a write for an hour as one for five minutes."""

    input: int = 0
    output: int = 0
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """The rates of all tokens of a call whose input has `from_tokens` tokens or more."""

    from_tokens: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """`valid_from` in seconds since 1970; `tiers` in rising order."""

    valid_from: float = 0.0
    rates: Rates = Rates()
    tiers: tuple[Tier, ...] = ()
    per_image: int = 0
    per_request: int = 0


def built(entries: Sequence[Mapping[str, Any]]) -> tuple[Price, ...]:
    """From the entries of a model's `prices` in their normal form (see `providers.prices`)."""
    return tuple(
        Price(
            valid_from=datetime.fromisoformat(entry["valid_from"]).replace(tzinfo=UTC).timestamp(),
            rates=_given(entry),
            tiers=tuple(Tier(tier["from_tokens"], _given(tier)) for tier in entry.get("tiers", ())),
            per_image=entry.get("per_image", 0),
            per_request=entry.get("per_request", 0),
        )
        for entry in entries
    )


def price_at(prices: Sequence[Price], when: float) -> Price | None:
    """The newest price that is valid at `when` (seconds since 1970); None where none is yet. `prices` in any order."""
    found: Price | None = None
    for price in prices:
        if price.valid_from <= when and (found is None or price.valid_from >= found.valid_from):
            found = price
    return found


def cost(price: Price, usage: Usage, *, requests: int = 1, images: int = 0) -> int:
    """Nano-USD: the tokens' part rounded up once. At most MOST_COST.

    Usage does not tell writes for an hour from those for five minutes: the price of five minutes counts, where there
    is one."""
    rates = _rates(price, usage.input_tokens)
    plain = max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens)
    answered = max(0, usage.output_tokens - usage.reasoning_tokens)
    write = rates.cache_write_1h if rates.cache_write_5m is None else rates.cache_write_5m
    tokens = (
        plain * rates.input
        + usage.cached_tokens * _or(rates.cache_read, rates.input)
        + usage.cache_write_tokens * _or(write, rates.input)
        + answered * rates.output
        + usage.reasoning_tokens * _or(rates.reasoning, rates.output)
    )
    whole = -(-tokens // MILLION) + requests * price.per_request + images * price.per_image
    return min(whole, MOST_COST)


def cost_of(prices: Sequence[Price], usage: Usage, *, when: float, succeeded: bool) -> int | None:
    """What a call that began at `when` costs; None where its model has no price. A call that failed costs what tokens
    it used, and no price per request."""
    price = price_at(prices, when) if prices else None
    return None if price is None else cost(price, usage, requests=1 if succeeded else 0)


def in_usd(nano: int) -> str:
    """A decimal number, exact: 0.000123."""
    whole, part = divmod(nano, 10**9)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".")


def _rates(price: Price, input_tokens: int) -> Rates:
    rates = price.rates
    for tier in price.tiers:
        if input_tokens >= tier.from_tokens:
            rates = tier.rates
    return rates


def _given(entry: Mapping[str, Any]) -> Rates:
    return Rates(**{name: entry[name] for name in RATES if name in entry})


def _or(rate: int | None, otherwise: int) -> int:
    return otherwise if rate is None else rate
