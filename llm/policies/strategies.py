"""The order in which a route's targets are tried, by its strategy.

| strategy | order |
|---|---|
| priority | lower priority first; among equals a draw by weight |
| weighted | a draw by weight over all targets; priority does not count |
| round_robin | lower priority first; equals take turns by weight, evenly spread, then stand as configured |
| least_latency | lower priority first; then the fastest to the first token; see below |
| lowest_cost | the lowest price (input + output) first, unknown prices last; among equals as in `priority` |
| least_busy | lower priority first; then the fewest attempts under way by weight; among equals a draw by weight |

Weight 0 comes after the others: of the same priority, or of all targets in `weighted` and `lowest_cost`.

least_latency: targets that are at most a tenth slower than the fastest are equals, drawn by weight, so that a hair's
breadth does not send all calls to one. What is not known yet stands behind what is known, but comes first in every
tenth call, as does what is slower in every fiftieth. This share, rather than the better of two that are drawn: of two
targets both would be drawn each time, the worse would never be called, and nobody would learn that it has recovered.

With a session, affinity decides among equals where chance would; it also takes the place of turns, speed and load,
which change from call to call and would tear a session apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import gcd, inf
from operator import attrgetter
from typing import Final, TypeVar

from llm.policies import affinity
from llm.policies.plan import Conditions
from llm.policies.resolution import Choice
from llm.prices import price_at
from llm.snapshot import Strategy

T = TypeVar("T")
Random = Callable[[], float]
Rank = tuple[float, ...]

EQUALLY_FAST: Final = 1.1
SHARE_OF_UNKNOWN: Final = 0.1
SHARE_OF_SLOWER: Final = 0.02
_MOST_TURNS: Final = 1024


@dataclass(slots=True)
class Moment:
    """What an order depends on beside the configuration. `turn` numbers the plans of a route that takes turns."""

    now: float
    random: Random
    conditions: Conditions
    session: str | None = None
    turn: int = 0


Order = Callable[[list[Choice], Moment], list[Choice]]


def ordered(choices: list[Choice], strategy: Strategy, moment: Moment) -> list[Choice]:
    """All of the choices, in the order in which they are tried."""
    return _ORDERS[strategy](choices, moment) if len(choices) > 1 else choices


def drawn(items: Sequence[T], weights: Sequence[int], random: Random) -> list[T]:
    """All items in a random order, each place drawn by weight. Weight 0 comes last: it is asked only in need."""
    left, shares = list(items), list(weights)
    result: list[T] = []
    total = sum(shares)
    while total > 0:
        point = random() * total
        place = 0
        for place, share in enumerate(shares):  # noqa: B007  # reason: `place` is what the search finds
            point -= share
            if point < 0:
                break
        result.append(left.pop(place))
        total -= shares.pop(place)
    return result + left


def _equals(choices: list[Choice], moment: Moment) -> list[Choice]:
    """By nothing but weight."""
    if len(choices) < 2:
        return choices
    if moment.session:
        return affinity.in_order_of(moment.session, choices, attrgetter("name"), attrgetter("weight"))
    return drawn(choices, [choice.weight for choice in choices], moment.random)


def _by_priority(within: Order) -> Order:
    """Lower priority first, those of one priority in the order `within`."""

    def order(choices: list[Choice], moment: Moment) -> list[Choice]:
        first = choices[0].priority
        if all(choice.priority == first for choice in choices):
            return within(choices, moment)
        groups = groupby(sorted(choices, key=_priority), key=_priority)
        return [choice for _, group in groups for choice in within(list(group), moment)]

    return order


def _unless_together(within: Order) -> Order:
    """Those of weight 0 behind the others, which are in the order `within` where no session says another."""

    def order(choices: list[Choice], moment: Moment) -> list[Choice]:
        if len(choices) < 2 or moment.session:
            return _equals(choices, moment)
        asked = [choice for choice in choices if choice.weight > 0]
        if len(asked) == len(choices):
            return within(choices, moment)
        return (within(asked, moment) if asked else []) + [choice for choice in choices if choice.weight <= 0]

    return order


def _in_turn(choices: list[Choice], moment: Moment) -> list[Choice]:
    turns = _turns(tuple([choice.weight for choice in choices]))
    place = turns[moment.turn % len(turns)]
    return choices[place:] + choices[:place]


@lru_cache(maxsize=256)
def _turns(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Whose turn it is, for each turn of one round: each place as often as its weight (positive) says, evenly spread,
    as nginx does it (smooth weighted round robin). Rounds of great weights are shortened; then shares are right to
    about one in _MOST_TURNS."""
    divisor = gcd(*weights)
    shares = [weight // divisor for weight in weights]
    if sum(shares) > _MOST_TURNS:
        scale = _MOST_TURNS / sum(shares)
        shares = [max(1, round(share * scale)) for share in shares]
    whole = sum(shares)
    waited = [0] * len(shares)
    turns = []
    for _ in range(whole):
        waited = [so_far + share for so_far, share in zip(waited, shares, strict=True)]
        place = waited.index(max(waited))
        waited[place] -= whole
        turns.append(place)
    return tuple(turns)


def _fastest(choices: list[Choice], moment: Moment) -> list[Choice]:
    known: list[tuple[float, Choice]] = []
    unknown: list[Choice] = []
    for choice in choices:
        seconds = _first_token(choice, moment.conditions)
        if seconds is None:
            unknown.append(choice)
        else:
            known.append((seconds, choice))
    if not known:
        return _equals(unknown, moment)
    known.sort(key=_seconds)
    limit = known[0][0] * EQUALLY_FAST
    fast = [choice for seconds, choice in known if seconds <= limit]
    slower = [choice for _, choice in known[len(fast) :]]
    unknown = _equals(unknown, moment)
    point = moment.random()
    tried: list[Choice] = []
    if slower and point >= 1 - SHARE_OF_SLOWER:
        tried = _equals(slower, moment)[:1]
    elif unknown and 1 - SHARE_OF_SLOWER > point >= 1 - SHARE_OF_SLOWER - SHARE_OF_UNKNOWN:
        tried = unknown[:1]
    return tried + [one for one in (*_equals(fast, moment), *slower, *unknown) if one not in tried]


def _first_token(choice: Choice, conditions: Conditions) -> float | None:
    """By the first key of the model for which it is known: a key makes no answer faster."""
    for candidate in choice.candidates:
        seconds = conditions.first_token(candidate)
        if seconds is not None:
            return seconds
    return None


def _idlest(choices: list[Choice], moment: Moment) -> list[Choice]:
    busy = moment.conditions.busy
    return _ranked(choices, [(busy(choice.candidates[0]) / choice.weight,) for choice in choices], moment, _equals)


def _cheapest(choices: list[Choice], moment: Moment) -> list[Choice]:
    """Weight 0 goes last although it may be cheaper."""
    ranks = [(float(choice.weight <= 0), _price(choice, moment.now)) for choice in choices]
    return _ranked(choices, ranks, moment, _by_priority(_equals))


def _price(choice: Choice, now: float) -> float:
    """Nano-USD for a million tokens of input and one of output; of the lowest tier."""
    price = price_at(choice.model.prices, now) if choice.model.prices else None
    return price.rates.input + price.rates.output if price else inf


def _ranked(choices: list[Choice], ranks: Sequence[Rank], moment: Moment, among_equals: Order) -> list[Choice]:
    """Lowest rank first. Most often no two are equal, or all are."""
    by_rank: dict[Rank, list[Choice]] = {}
    for choice, rank in zip(choices, ranks, strict=True):
        by_rank.setdefault(rank, []).append(choice)
    if len(by_rank) == 1:
        return among_equals(choices, moment)
    ranked = sorted(by_rank.items(), key=_rank)
    return [one for _, equals in ranked for one in (among_equals(equals, moment) if len(equals) > 1 else equals)]


def _priority(choice: Choice) -> int:
    return choice.priority


def _seconds(known: tuple[float, Choice]) -> float:
    return known[0]


def _rank(ranked: tuple[Rank, list[Choice]]) -> Rank:
    return ranked[0]


_ORDERS: Final[Mapping[Strategy, Order]] = {
    "priority": _by_priority(_equals),
    "weighted": _equals,
    "round_robin": _by_priority(_unless_together(_in_turn)),
    "least_latency": _by_priority(_unless_together(_fastest)),
    "lowest_cost": _cheapest,
    "least_busy": _by_priority(_unless_together(_idlest)),
}
