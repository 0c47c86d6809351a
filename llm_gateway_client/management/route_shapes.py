"""Routes, and what they lead to, as the management API answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llm_gateway_client.management.open_shape import OpenShape, Tracked


@dataclass(slots=True)
class Target(OpenShape):
    """`model` is "provider/model". What a route leaves out is None."""

    model: str = ""
    priority: int | None = None
    weight: int | None = None
    enabled: bool | None = None


@dataclass(slots=True)
class Route(Tracked):
    """`policy` holds what differs from the defaults."""

    name: str = ""
    description: str = ""
    enabled: bool = True
    strategy: str = ""
    targets: list[Target] = field(default_factory=list)
    fallbacks: list[Target] = field(default_factory=list)
    policy: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(slots=True)
class Candidate(OpenShape):
    """`role` is target or fallback; `share` is how often it is tried first among its equals, in percent, None where
    speed or load decide; `keys` are the ids of the keys that it may be called with."""

    model: str = ""
    role: str = ""
    priority: int = 0
    weight: int = 0
    share: int | None = None
    keys: list[str] = field(default_factory=list)


@dataclass(slots=True)
class LeftOut(OpenShape):
    model: str = ""
    role: str = ""
    reason: str = ""


@dataclass(slots=True)
class Resolution(OpenShape):
    """Candidates in the order of a call made now, and why the rest is left out."""

    name: str = ""
    enabled: bool = True
    strategy: str = ""
    environment: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Planned(OpenShape):
    """An attempt that may be made, not before `cooling_until`. `key` is a key's id, empty where none is needed."""

    model: str = ""
    key: str = ""
    role: str = ""
    cooling_until: datetime | None = None


@dataclass(slots=True)
class PassedOver(OpenShape):
    """`key` is empty where all of the model is meant; `until` is None where time will not mend it."""

    model: str = ""
    key: str = ""
    role: str = ""
    reason: str = ""
    until: datetime | None = None


@dataclass(slots=True)
class PlanFailure(OpenShape):
    """How a call would fail before any attempt: code and HTTP status as its caller gets them."""

    code: str = ""
    status: int = 0
    message: str = ""


@dataclass(slots=True)
class CallPlan(OpenShape):
    """`candidates` in the order in which they are tried, fallbacks last; `budget_seconds` for all of the call."""

    strategy: str = ""
    candidates: list[Planned] = field(default_factory=list)
    skipped: list[PassedOver] = field(default_factory=list)
    error: PlanFailure | None = None
    budget_seconds: float = 0.0


@dataclass(slots=True)
class Explanation(Resolution):
    """`plan` is what the call that was asked for would do; None of a gateway that does not tell it."""

    plan: CallPlan | None = None
