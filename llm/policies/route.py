"""Where a call goes: from the model that the caller names to the candidates for its attempts, in order.

`llm.policies.resolution` says what a name stands for, `passing` what of it is passed over now, `strategies` in which
order the rest is tried, and `affinity` what belongs together.

Targets that cool down stand behind those that do not: each part in the order of the strategy. Fallbacks come after all
targets, as they are written. A model's keys stand together, drawn by weight, or in the order of the session.

Pure: randomness, time, and what is known of providers come in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from llm.policies import affinity, strategies
from llm.policies.passing import Sieve, nothing_left
from llm.policies.plan import NO_POLICY, NOTHING_COOLS, Calm, Candidate, Conditions, Plan
from llm.policies.resolution import Choice, Resolved, listed, resolve, usable
from llm.policies.strategies import Moment
from llm.snapshot import Caller, Snapshot, Strategy

__all__ = ["CALM", "listed", "plan", "usable"]

CALM: Final = Calm()

Cooling = Mapping[int, float]


def plan(
    snapshot: Snapshot,
    caller: Caller,
    name: str,
    *,
    now: float,
    random: Callable[[], float],
    conditions: Conditions = CALM,
    session_key: str | None = None,
) -> Plan:
    """Resolves `name` ("": the project's default route) for this caller. `now` in seconds since 1970, `random` in
    [0, 1). `session_key`: see `affinity.key_of`.

    Raises InvalidRequest (no model and no default route) or ModelNotFound. Where every model exists but is passed over
    the plan's `error` is CredentialsExhausted if that is for their keys only, else NoHealthyUpstream with the seconds
    until one may be asked again, where they are known.
    """
    found: Resolved | None = snapshot.resolved.get((id(caller), name))
    if found is None or found.caller is not caller:
        found = resolve(snapshot, caller, name)
    only = found.only
    if only is not None and (not conditions.troubled or conditions.bar(only.candidates[0], now) is None):
        return only
    return _planned(found, Moment(now, random, conditions, session_key))


def _planned(found: Resolved, moment: Moment) -> Plan:
    route = found.route
    policy = route.policy if route else NO_POLICY
    chosen, fallbacks, skipped, cooling = found.chosen, found.fallbacks, found.skipped, NOTHING_COOLS
    if not found.steady or moment.conditions.troubled:
        sieve = Sieve(policy, moment.conditions, moment.now, list(skipped))
        chosen, fallbacks = sieve.let_through(chosen, "target"), sieve.let_through(fallbacks, "fallback")
        skipped, cooling = tuple(sieve.skipped), sieve.cooling
    if found.strategy == "round_robin" and route is not None and len(chosen) > 1:
        moment.turn = moment.conditions.turn(route.name)
    return Plan(
        _with_keys(_in_order(chosen, found.strategy, moment, cooling), moment, cooling),
        _with_keys(fallbacks, moment, cooling),
        policy,
        route.name if route else "",
        route.strategy if route else "",
        skipped,
        cooling,
        None if chosen or fallbacks else nothing_left(skipped, moment.now),
    )


def _in_order(choices: list[Choice], strategy: Strategy, moment: Moment, cooling: Cooling) -> list[Choice]:
    if not cooling:
        return strategies.ordered(choices, strategy, moment)
    waiting = [choice for choice in choices if all(id(candidate) in cooling for candidate in choice.candidates)]
    ready = [choice for choice in choices if choice not in waiting]
    return strategies.ordered(ready, strategy, moment) + strategies.ordered(waiting, strategy, moment)


def _with_keys(choices: list[Choice], moment: Moment, cooling: Cooling) -> tuple[Candidate, ...]:
    """Each choice once per key."""
    found: list[Candidate] = []
    for choice in choices:
        one_only = len(choice.candidates) == 1
        found += choice.candidates if one_only else _pool(choice.candidates, moment, cooling)
    return tuple(found)


def _pool(candidates: tuple[Candidate, ...], moment: Moment, cooling: Cooling) -> list[Candidate]:
    """The keys of one model; those that cool down behind the others."""
    if moment.session:
        keyed = affinity.in_order_of(moment.session, candidates, _key_name, _key_weight)
    else:
        keyed = strategies.drawn(candidates, [_key_weight(candidate) for candidate in candidates], moment.random)
    return sorted(keyed, key=lambda candidate: id(candidate) in cooling) if cooling else keyed


def _key_name(candidate: Candidate) -> str:
    return f"{candidate.name} {candidate.key.key_id}" if candidate.key else candidate.name


def _key_weight(candidate: Candidate) -> int:
    return candidate.key.weight if candidate.key else 1
