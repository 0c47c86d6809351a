"""What a call of a route would do now, without making it.

The decision is the data plane's own; the floor that holds both planes together registers who asks it (`register`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from llm.snapshot import ProvidersPart

ENDPOINTS: Final = ("chat/completions", "responses", "messages")


@dataclass(frozen=True, slots=True)
class Question:
    """The call: a body of `endpoint` (None: an empty one), of a caller of `project` ("": one that may use everything),
    in the session that it names."""

    body: Mapping[str, Any] | None = None
    endpoint: str = ENDPOINTS[0]
    project: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """One attempt that may be made. `key` is a key's id, or empty."""

    model: str
    key: str
    role: str
    cooling_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """`key` is empty where all of the model is meant; `until` None where time will not mend it."""

    model: str
    key: str
    role: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call would fail before any attempt: code and HTTP status as callers of OpenAI's paths get them."""

    code: str
    status: int
    message: str


@dataclass(frozen=True, slots=True)
class CallPlan:
    """`candidates` in the order in which they are tried, fallbacks last."""

    strategy: str
    candidates: list[Planned] = field(default_factory=list)
    skipped: list[PassedOver] = field(default_factory=list)
    error: Failure | None = None
    budget_seconds: float = 0.0


# Gets the configuration, the route's name and the question. ValidationError where the question is wrong: its field is
# named (`body.messages`, `project`).
Planner = Callable[[ProvidersPart, str, Question], CallPlan]
_planner: list[Planner] = []


def register(planner: Planner) -> None:
    """Called once, from an AppConfig."""
    _planner[:] = [planner]


def planned(part: ProvidersPart, route: str, question: Question) -> CallPlan:
    return _planner[0](part, route, question)
