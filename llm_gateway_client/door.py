"""What a way to the gateway must do. `Client` stands on one; it knows nothing of HTTP, Celery or Django."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from llm_gateway_client.shape import Shape


@dataclass(frozen=True, slots=True)
class Wishes:
    """What goes beside a call's body.

    `request_id` is the caller's label (visible ASCII, 128 characters at most); `end_user` is also the body's `user`;
    `timeout_seconds` bounds the whole call.
    """

    request_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    end_user: str = ""
    session_id: str = ""
    timeout_seconds: float | None = None


@dataclass(slots=True)
class Trail(Shape):
    """What the gateway tells of a call beside its answer; what is not known is empty.

    `cache` is hit, semantic, miss or bypass. `latency_ms` is the time until the whole answer was here (milliseconds),
    `overhead_ms` the gateway's own share of it. `cost_usd` is in US dollars.
    """

    call_id: str = ""
    request_id: str = ""
    provider: str = ""
    model: str = ""
    attempts: int = 0
    cost_usd: float | None = None
    cache: str = ""
    revision: int = 0
    latency_ms: float = 0.0
    overhead_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is the endpoint's own JSON."""

    body: dict[str, Any]
    trail: Trail


class Door(Protocol):
    """`endpoint` is the path without /v1/: "chat/completions" or "embeddings". A failed call raises `GatewayFailure`,
    with the same codes through every door. Cancelling the awaiting task ends the call.

    A door repeats nothing: `GatewayFailure.should_retry` tells the client that it may.
    """

    async def call(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> Answer:
        """The whole answer."""
        ...

    def stream(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> AsyncIterator[dict[str, Any]]:
        """The endpoint's chunks. A chunk may hold the key "gateway": a dict of what is known of the trail by then
        (`Trail.to_dict()`), also one that holds nothing else. A stream that stops before its end raises GatewayFailure
        (upstream_error), and never ends as if it were whole."""
        ...

    async def health(self) -> dict[str, Any]:
        """`{"healthy": bool, "door": "http" | "celery" | "local", ...}`. Raises nothing where the gateway is away."""
        ...

    async def close(self) -> None:
        """Gives back connections. Closing twice is fine."""
        ...
