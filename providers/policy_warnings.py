"""What an operator should know of a route's strategy and policy: where they come to nothing, or leave models out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils import timezone

from llm.core import policies
from llm.prices import Price
from llm.snapshot import RoutePolicy
from providers import prices
from providers.models import ProviderModel, Route

Target = Mapping[str, Any]
ModelsByName = Mapping[str, ProviderModel]
MALFORMED = (AttributeError, KeyError, TypeError, ValueError)  # of a row that was written past the services


def warnings(
    route: Route, targets: Sequence[Target], fallbacks: Sequence[Target], models: ModelsByName
) -> Iterator[str]:
    """One sentence each. `targets` and `fallbacks` are the enabled ones."""
    try:
        policy = policies.built(route.policy)
    except MALFORMED:
        yield "The policy cannot be read: calls do not find the route."
        return
    if policy.stream_guard is not None and not fallbacks and (len(targets) < 2 or policy.retries == 0):
        yield "The stream guard holds answers back, and there is nothing to fall back to."
    if policy.hedge is not None and len({str(one["model"]) for one in (*targets, *fallbacks)}) < 2:
        yield "A hedge needs a second model: with one there is no second attempt."
    for target in (*targets, *fallbacks):
        row = models.get(str(target["model"]))
        if row is not None:
            drawn_by_cost = route.strategy == Route.Strategy.LOWEST_COST and target in targets
            yield from _of_price(str(target["model"]), row, policy, drawn_by_cost=drawn_by_cost)


def _of_price(name: str, row: ProviderModel, policy: RoutePolicy, *, drawn_by_cost: bool) -> Iterator[str]:
    most_input, most_output = policy.most_input_price, policy.most_output_price
    capped = most_input is not None or most_output is not None
    if not capped and not drawn_by_cost:
        return
    price = prices.model_price_at(row, timezone.now())
    if price is None:
        yield f"{name} has no price: " + ("with a cap it is passed over." if capped else "of the targets it goes last.")
    elif _too_dear(price, most_input, most_output):
        yield f"{name} costs more than the cap: it is passed over."


def _too_dear(price: Price, most_input: int | None, most_output: int | None) -> bool:
    over_input = most_input is not None and price.rates.input > most_input
    return over_input or (most_output is not None and price.rates.output > most_output)
