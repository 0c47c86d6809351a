"""What the error of an attempt says, and of whom: the table of docs/decisions/0013-failover.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from llm.errors import (
    GatewayError,
    UpstreamAuthFailed,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from llm.observe.health_event import Category

Verdict = Literal["good", "bad", "refused", "limited", "nothing"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """`bad` counts, `refused` opens at once, `limited` cools down. Whoever answers at all is a provider that can be
    reached, so `provider` is good where only its model or its key is to blame."""

    provider: Verdict = "nothing"
    model: Verdict = "nothing"
    key: Verdict = "nothing"
    category: Category = ""
    retry_after: float | None = None


SUCCESS: Final = Evidence("good", "good", "good")
NOTHING: Final = Evidence()
_ANSWERED: Final = Evidence("good")


def of(error: GatewayError, *, has_key: bool) -> Evidence:
    """A timeout of the caller's own budget says nothing, and cannot be told from others here."""
    match error:
        case UpstreamUnreachable():
            return Evidence(provider="bad", category="connection")
        case UpstreamTimeout(phase="connect"):
            return Evidence(provider="bad", category="connection")
        case UpstreamTimeout():
            reached = error.phase in ("first_byte", "first_token", "idle")
            return Evidence(provider="good" if reached else "nothing", model="bad", category="timeout")
        case UpstreamMalformed():
            return Evidence(provider="good", model="bad", category="malformed")
        case UpstreamFailed(retryable=False):  # a 4xx that has no error of its own
            return _ANSWERED
        case UpstreamFailed():
            return Evidence(provider="good", model="bad", category="server")
        case UpstreamAuthFailed():
            if has_key:
                return Evidence(provider="good", key="refused", category="auth")
            return Evidence(provider="good", model="bad", category="auth")
        case UpstreamRateLimited():
            whom = Evidence("good", key="limited") if has_key else Evidence("good", model="limited")
            return Evidence(whom.provider, whom.model, whom.key, "rate_limit", error.retry_after)
        case UpstreamRejected():
            return _ANSWERED
    return NOTHING
