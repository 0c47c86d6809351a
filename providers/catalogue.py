"""What genai-prices, a list that comes with the package, knows of a model: its window and its prices. No network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

_NANO: Final = Decimal(10**9)
_PROVIDERS: Final[Mapping[str, str]] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "azure_openai": "azure",
    "gemini": "google",
}
# Its words for the rates of `providers.prices`.
_RATES: Final[Mapping[str, str]] = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """`context_window` in tokens; `price` as in `providers.prices`, without `valid_from`; empty where not known."""

    context_window: int | None = None
    price: Mapping[str, Any] = field(default_factory=dict)


NOTHING: Final = Entry()


def entry(kind: str, base_url: str, model_id: str) -> Entry:
    """A kind of one company is looked up there, a server at another address by that. NOTHING where it is not listed."""
    from genai_prices.data_snapshot import get_snapshot  # here: it is large, and few processes need it

    company = _PROVIDERS.get(kind)
    try:
        _, model = get_snapshot().find_provider_model(model_id, None, company, None if company else base_url)
    except LookupError:
        return NOTHING
    rates = model.get_prices(datetime.now(UTC))
    found = {ours: _nano(getattr(rates, theirs, None)) for ours, theirs in _RATES.items()}
    price: dict[str, Any] = {name: value for name, value in found.items() if value is not None}
    if price and (tiers := _tiers(rates)):
        price["tiers"] = tiers
    return Entry(context_window=model.context_window, price=price)


def cost(kind: str, base_url: str, model_id: str) -> int | None:
    """Input and output together, to compare models; None where not known."""
    price = entry(kind, base_url, model_id).price
    return price["input"] + price.get("output", 0) if "input" in price else None


def _nano(price: Any) -> int | None:
    """USD per million tokens in whole nano-USD; of a tiered price the lowest tier."""
    if price is None:
        return None
    return int(Decimal(getattr(price, "base", price)) * _NANO)


def _tiers(rates: Any) -> list[dict[str, int]]:
    """From the number of tokens on at which any rate rises: all rates as they are from there on."""
    tiered = {ours: getattr(rates, theirs, None) for ours, theirs in _RATES.items()}
    starts = sorted({tier.start for price in tiered.values() for tier in getattr(price, "tiers", ())})
    return [
        # `start` is the last token at the lower rate.
        {"from_tokens": start + 1, **{name: _at(price, start) for name, price in tiered.items() if price is not None}}
        for start in starts
    ]


def _at(price: Any, start: int) -> int:
    reached = [tier.price for tier in getattr(price, "tiers", ()) if tier.start <= start]
    return int(Decimal(reached[-1]) * _NANO) if reached else int(Decimal(getattr(price, "base", price)) * _NANO)
