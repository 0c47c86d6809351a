"""The policy of a route as it is stored, made into the data plane's.

`max_price_usd` is in USD per million tokens; the data plane counts in whole nano-USD.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from llm.adapters.parameters import TIMEOUTS
from llm.snapshot import Hedge, RoutePolicy, StreamGuard

DEAREST: Final = 1_000_000  # USD per million tokens, as prices of models
DECIMALS: Final = 9
BAD_PRICE: Final = (
    f"A price is a number of USD per million tokens from 0 to {DEAREST}, with at most {DECIMALS} decimals."
)
_AS_THEY_ARE: Final = ("content_filter_fallback", "unsupported", "affinity")


def nano_usd(price: Any) -> int:
    """USD as whole nano-USD, exactly as the number is written: 0.1 is 100000000. ValueError where it is no number, has
    more than DECIMALS decimals, or lies outside of 0 to DEAREST."""
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price <= DEAREST:
        raise ValueError(BAD_PRICE)
    nano = Decimal(repr(price)) * 10**DECIMALS  # repr is the shortest text of a float: the number as it was written
    if nano != int(nano):
        raise ValueError(BAD_PRICE)
    return int(nano)


def built(policy: Mapping[str, Any]) -> RoutePolicy:
    """For the data plane. What is absent or null has its default. ValueError, TypeError or KeyError for a row that was
    written past the services."""
    fields = {name: policy[name] for name in _AS_THEY_ARE if policy.get(name) is not None}
    fields |= {name: float(policy[name]) for name in TIMEOUTS if policy.get(name) is not None}
    most = {name: nano_usd(price) for name, price in (policy.get("max_price_usd") or {}).items()}
    return RoutePolicy(
        retries=int(policy.get("retries", RoutePolicy().retries)),
        **fields,
        stream_guard=_stream_guard(policy.get("stream_guard")),
        most_input_price=most.get("input"),
        most_output_price=most.get("output"),
        hedge=_hedge(policy.get("hedge")),
    )


def _stream_guard(value: Mapping[str, Any] | None) -> StreamGuard | None:
    if value is None:
        return None
    return StreamGuard(None if value == {"until": "finish"} else int(value["characters"]))


def _hedge(value: Mapping[str, Any] | None) -> Hedge | None:
    return None if value is None else Hedge(float(value["max_share"]))
