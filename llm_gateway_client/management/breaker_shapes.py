"""What happened to providers, models and keys, and how they stand, as the management API answers.

`kind` is provider, model or key; `name` is "openai", "openai/gpt-4o" or, of a key, "openai/KEY_ID". States are closed
(it is called as usual), open, half_open (one call at a time tries it) and cooling. `category` is what went wrong:
timeout, rate_limit, auth, server, connection, malformed or nothing; `cause` is who told it: calls, probe or operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llm_gateway_client.management.open_shape import OpenShape


@dataclass(slots=True)
class Breaker(OpenShape):
    """What is not called as usual now. `until` is when it is tried again; None where that is not known."""

    kind: str = ""
    name: str = ""
    state: str = ""
    category: str = ""
    since: datetime | None = None
    until: datetime | None = None
    failures: int = 0
    cause: str = ""


@dataclass(slots=True)
class ResetBreaker(OpenShape):
    """`order` is the number by which the processes that serve calls hear of it."""

    kind: str = ""
    name: str = ""
    state: str = ""
    order: int = 0


@dataclass(slots=True)
class HealthEvent(OpenShape):
    """One change of state, from `old` to `new`. `incident` is the id of the one that it belongs to."""

    event_id: str = ""
    at: datetime | None = None
    kind: str = ""
    name: str = ""
    old: str = ""
    new: str = ""
    category: str = ""
    cause: str = ""
    until: datetime | None = None
    failures: int = 0
    incident: int | None = None


@dataclass(slots=True)
class Incident(OpenShape):
    """From the moment at which it was no longer called until it was again. `seconds` is how long it lasted, or lasts by
    now; `events` is the number of its events."""

    id: int = 0
    kind: str = ""
    name: str = ""
    category: str = ""
    open: bool = False
    opened_at: datetime | None = None
    opened_by: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    seconds: float = 0.0
    events: int = 0


@dataclass(slots=True)
class ToldIncident(Incident):
    """`told` are its events, newest first; at most 1,000."""

    told: list[HealthEvent] = field(default_factory=list)


@dataclass(slots=True)
class Troubled(OpenShape):
    """A provider, a model or a key that is not closed."""

    kind: str = ""
    name: str = ""
    state: str = ""
    category: str = ""
    until: datetime | None = None


@dataclass(slots=True)
class BreakerStatus(OpenShape):
    """The worst of a provider and its models; `troubled` has its keys too, the worst first."""

    state: str = ""
    category: str = ""
    until: datetime | None = None
    troubled: list[Troubled] = field(default_factory=list)
