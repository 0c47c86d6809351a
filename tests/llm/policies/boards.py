"""A Board with a clock of its own, and candidates to tell it of."""

from __future__ import annotations

from collections.abc import Callable

from llm.errors import GatewayError, UpstreamAuthFailed, UpstreamFailed, UpstreamRateLimited, UpstreamUnreachable
from llm.observe.health_event import HealthEvent
from llm.policies.board import Board
from llm.policies.breaker import Rules
from llm.policies.plan import Candidate
from llm.snapshot import Model, UpstreamKey
from tests.llm.service.snapshots import upstream

FAILED = UpstreamFailed("It failed.")
REFUSED = UpstreamAuthFailed("The key was refused.")
UNREACHABLE = UpstreamUnreachable("Nobody there.")


def limited(seconds: float | None = None) -> UpstreamRateLimited:
    return UpstreamRateLimited("Too many.", retry_after=seconds)


def candidate(name: str = "a/m", key: str | None = "K1", fingerprint: str = "f1") -> Candidate:
    provider, _, model_id = name.partition("/")
    held = None if key is None else UpstreamKey(key, "secret", fingerprint=fingerprint)
    return Candidate(upstream(provider, "openai"), Model(provider, model_id), model_id, held)


class Watched(Board):
    """At first it is second 1000; chance never shortens anything. `events` are those that were told."""

    def __init__(self, clock: Callable[[], float] | None = None, **rules: Rules) -> None:
        self.time = 1000.0
        self.events: list[HealthEvent] = []
        super().__init__(self.events.append, now=clock or (lambda: self.time), random=lambda: 0.0, **rules)

    def attempt(self, one: Candidate, error: GatewayError | None = None, *, times: int = 1) -> None:
        for _ in range(times):
            self.began(one)
            if error is None:
                self.succeeded(one, first_token=None)
            else:
                self.failed(one, error)

    def reason(self, one: Candidate) -> str:
        """Why it is barred now, "" where it is not."""
        bar = self.bar(one, self._now())
        return "" if bar is None else bar.reason

    def told(self) -> list[str]:
        return [f"{event.kind} {event.name}: {event.old} -> {event.new}" for event in self.events]
