"""Records of calls that were never made, for pages that count calls."""

from __future__ import annotations

import math
import random
import time
from datetime import timedelta
from typing import Any

from llm.observe import call_id as call_ids
from llm.observe.record import CallRecord
from llm.observe.trace import TraceStep


def call(age: timedelta, **fields: Any) -> CallRecord:
    """One that began `age` ago; a success of 100 ms where nothing else is said."""
    began = time.time() - age.total_seconds()
    made: dict[str, Any] = {
        "call_id": call_ids.new(now_ns=lambda: int(began * 1e9)),
        "request_id": "request-1",
        "created_at": began,
        "endpoint": "chat/completions",
        "project": "default",
        "status": "succeeded",
        "http_status": 200,
        "attempts": 1,
        "revision": 1,
        "latency_ms": 100.0,
    }
    return CallRecord(**{**made, **fields})


def plain_trace(model: str = "openai/gpt-4o", **attempt: Any) -> list[TraceStep]:
    """Of a call that the first one asked has served in 100 ms, where nothing else is said of its attempt."""
    plan = TraceStep(event="plan", reason="priority", candidates=(model,))
    return [plan, served(model, **{"at_ms": 0.3, "duration_ms": 99.5, "role": "target", **attempt})]


def failover_trace(*, first: str = "openai/gpt-4o", second: str = "anthropic/claude-sonnet-4-5") -> list[TraceStep]:
    """Of a stream of 7,250 ms: one model is passed over, `first` says nothing for 5 s and then that it is busy, and
    `second` serves."""
    passed_over = "mistral/mistral-large-latest"
    return [
        TraceStep(event="plan", reason="weighted", candidates=(first, second)),
        TraceStep(event="skipped", model=passed_over, key="main", role="target", reason=f"breaker open: {passed_over}"),
        failed(first, at_ms=0.4, duration_ms=5000.0, outcome="timeout", error="UpstreamTimeout", phase="first_token"),
        TraceStep(event="wait", at_ms=5000.4, duration_ms=180.0, model=first, reason="backoff"),
        failed(
            first, at_ms=5180.4, duration_ms=69.6, outcome="rate_limited", error="UpstreamRateLimited",
            retry_after_seconds=20.0,
        ),
        served(
            second, at_ms=5250.0, duration_ms=2000.0, role="fallback", first_token_ms=400.0, input_tokens=1200,
            output_tokens=340, cost_nano_usd=8_700_000,
        ),
    ]  # fmt: skip


def served(model: str, **fields: Any) -> TraceStep:
    return TraceStep(**{"event": "attempt", "model": model, "key": "main", "outcome": "succeeded", **fields})


def failed(model: str, **fields: Any) -> TraceStep:
    return TraceStep(**{"event": "attempt", "model": model, "key": "main", "role": "target", **fields})


# Weight, provider, model, a usual latency in milliseconds.
MODELS = (
    (6, "openai", "gpt-4o-mini", 420),
    (4, "openai", "gpt-4o", 900),
    (3, "anthropic", "claude-sonnet-4-5", 1300),
    (1, "mistral", "mistral-large-latest", 700),
)
FAULTS = (
    (0.008, "failed", 429, "rate_limit_exceeded"),
    (0.003, "failed", 502, "upstream_error"),
    (0.002, "failed", 504, "upstream_timeout"),
    (0.003, "cancelled", 499, ""),
)
PROJECTS = ("default", "search", "support-bot")
WEEK = 7 * 24 * 3600


def week(number: int, *, seed: int = 1) -> list[CallRecord]:
    """A plausible week: busy days and quiet nights, several models, some errors. The same for the same seed, but for
    the time of day."""
    chance = random.Random(seed)
    made = []
    while len(made) < number:
        age = chance.random() * WEEK
        hour = (time.time() - age) % 86400 / 3600
        if chance.random() < 0.15 + 0.85 * math.exp(-(((hour - 14) / 5) ** 2)):
            made.append(_of_week(timedelta(seconds=age), chance))
    return made


def _of_week(age: timedelta, chance: random.Random) -> CallRecord:
    [(_, provider, model, usual)] = chance.choices(MODELS, weights=[row[0] for row in MODELS])
    status, http_status, error_code = _outcome(chance.random())
    good, stream = status == "succeeded", chance.random() < 0.6
    latency = usual * chance.lognormvariate(0, 0.45)
    return call(
        age,
        project=chance.choice(PROJECTS),
        requested_model=chance.choice([model, f"{provider}/{model}", "fast"]),
        provider=provider,
        model=model,
        status=status,
        http_status=http_status,
        error_code=error_code,
        stream=stream,
        input_tokens=chance.randint(40, 4000) if good else 0,
        output_tokens=chance.randint(10, 900) if good else 0,
        latency_ms=latency,
        time_to_first_token_ms=latency * 0.3 if stream and good else None,
        overhead_ms=0.4,
    )


def _outcome(value: float) -> tuple[Any, int, str]:
    for share, status, http_status, error_code in FAULTS:
        if value < share:
            return status, http_status, error_code
        value -= share
    return "succeeded", 200, ""
