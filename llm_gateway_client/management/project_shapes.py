"""Projects and their keys, and their calls, as the management API answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llm_gateway_client.management.open_shape import OpenShape, Tracked


@dataclass(slots=True)
class Project(Tracked):
    """Who may call, and what. `accept_tasks`: may Celery tasks name it?"""

    slug: str = ""
    name: str = ""
    owner: str = ""
    enabled: bool = True
    allowed_models: list[str] = field(default_factory=list)
    default_route: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    environment: str = ""
    accept_tasks: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(slots=True)
class ProjectKey(Tracked):
    key_id: str = ""
    name: str = ""
    prefix: str = ""
    last4: str = ""
    enabled: bool = True
    state: str = ""
    allowed_models: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(slots=True)
class CreatedProjectKey(ProjectKey):
    """`key` is its text (gw-...): in this answer only."""

    key: str = field(default="", repr=False)


@dataclass(slots=True)
class TraceStep(OpenShape):
    """One decision of a call. `event` is plan, skipped, attempt or wait; milliseconds, `at_ms` since the call began.
    What says nothing of a step is empty, 0 or None. `role` is target, fallback or hedge."""

    event: str = ""
    at_ms: float = 0.0
    duration_ms: float | None = None
    model: str = ""
    key: str = ""
    role: str = ""
    reason: str = ""
    candidates: list[str] = field(default_factory=list)
    outcome: str = ""
    error: str = ""
    phase: str = ""
    retry_after_seconds: float | None = None
    first_token_ms: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int | None = None


@dataclass(slots=True)
class Call(OpenShape):
    """One call: durations in milliseconds. `input_tokens` includes cached and cache-write tokens; `cost_nano_usd` is
    None where the model had no price. `trace` has the decisions in the order of time."""

    call_id: str = ""
    request_id: str = ""
    project: str = ""
    key: str = ""
    end_user: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    endpoint: str = ""
    requested_model: str = ""
    provider: str = ""
    model: str = ""
    provider_key: str = ""
    route: str = ""
    revision: int = 0
    status: str = ""
    http_status: int = 0
    error_code: str = ""
    attempts: int = 0
    stream: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_estimated: bool = False
    cost_nano_usd: int | None = None
    latency_ms: float = 0.0
    time_to_first_token_ms: float | None = None
    overhead_ms: float = 0.0
    created_at: datetime | None = None
    trace: list[TraceStep] = field(default_factory=list)
