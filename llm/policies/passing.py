"""What is passed over at this moment, and why: expired keys, what is broken, what is too dear. Targets and fallbacks
are treated alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from llm.errors import CredentialsExhausted, NoHealthyUpstream, UpstreamError
from llm.policies.plan import Candidate, Conditions, Role, Skipped
from llm.policies.resolution import DISABLED, NO_KEY, Choice
from llm.prices import price_at
from llm.snapshot import Model, RoutePolicy, UpstreamKey

EXPIRED: Final = "key expired"
UNPRICED: Final = "price not known"
TOO_DEAR: Final = "price above the cap"

_OF_THE_KEY: Final = frozenset({"auth", "rate_limit"})


@dataclass(slots=True)
class Sieve:
    """Lets through what may be asked at `now`, and keeps account of the rest. `cooling` as in `Plan`."""

    policy: RoutePolicy
    conditions: Conditions
    now: float
    skipped: list[Skipped]
    cooling: dict[int, float] = field(default_factory=dict)

    def let_through(self, choices: Iterable[Choice], role: Role) -> list[Choice]:
        """Choices with the candidates that are left of them: keys that hold, or one without a key."""
        left = []
        for choice in choices:
            reason = _too_dear(choice.model, self.policy, self.now)
            if reason:
                self.skipped.append(Skipped(choice.name, role, reason))
                continue
            kept = self._unbarred(self._unexpired(choice, role), role)
            if kept:
                left.append(choice if len(kept) == len(choice.candidates) else replace(choice, candidates=kept))
        return left

    def _unexpired(self, choice: Choice, role: Role) -> list[Candidate]:
        """Each key that holds. Where none does, a provider that needs none is asked without."""
        keyed = []
        for candidate in choice.candidates:
            if candidate.key is None:
                continue
            if _holds(candidate.key, self.now):
                keyed.append(candidate)
            else:
                self.skipped.append(Skipped(candidate.name, role, EXPIRED, candidate.key.key_id))
        return keyed or [candidate for candidate in choice.candidates if candidate.key is None]

    def _unbarred(self, candidates: Sequence[Candidate], role: Role) -> tuple[Candidate, ...]:
        if not self.conditions.troubled:
            return tuple(candidates)
        kept = []
        for candidate in candidates:
            bar = self.conditions.bar(candidate, self.now)
            if bar is None:
                kept.append(candidate)
            elif bar.waits:
                kept.append(candidate)
                self.cooling[id(candidate)] = bar.until
            else:
                key = candidate.key.key_id if candidate.key and bar.category in _OF_THE_KEY else ""
                one = Skipped(candidate.name, role, bar.reason, key, bar.until, bar.category)
                if one not in self.skipped:  # all keys of a model share what is the model's
                    self.skipped.append(one)
        return tuple(kept)


def nothing_left(skipped: Sequence[Skipped], now: float) -> UpstreamError:
    """The error of a call for which every model is passed over."""
    causes = [one for one in skipped if one.reason != DISABLED]
    refused = any(one.category == "auth" for one in causes)
    if all(one.category == "auth" or one.reason in (NO_KEY, EXPIRED) for one in causes):
        if refused:
            return CredentialsExhausted("The provider accepted none of the keys that are stored for it.")
        return CredentialsExhausted("No usable key is stored for the provider of this model.")
    # Behind the colon stand the names of what is behind the gateway: they are for operators.
    reasons = ", ".join(dict.fromkeys(one.reason.partition(":")[0] for one in causes))
    soonest = min((one.until for one in causes if one.until > now), default=None)
    return NoHealthyUpstream(
        f"No provider can serve this model at the moment: {reasons}.",
        retry_after=None if soonest is None else max(1.0, soonest - now),
    )


def _holds(key: UpstreamKey, now: float) -> bool:
    return key.expires_at is None or key.expires_at.timestamp() > now


def _too_dear(model: Model, policy: RoutePolicy, now: float) -> str:
    """Why the price of the model is in the way, "" where it is not. The prices of the lowest tier count: how long a
    call gets is not known before."""
    if policy.most_input_price is None and policy.most_output_price is None:
        return ""
    price = price_at(model.prices, now)
    if price is None:
        return UNPRICED
    if policy.most_input_price is not None and price.rates.input > policy.most_input_price:
        return f"{TOO_DEAR}: input"
    if policy.most_output_price is not None and price.rates.output > policy.most_output_price:
        return f"{TOO_DEAR}: output"
    return ""
