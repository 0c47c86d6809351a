"""Call records as the data plane writes them, for tests of what becomes of them."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from llm.observe.record import CallRecord


def call_id(at: datetime) -> str:
    """A UUIDv7 of that moment. Its random part comes from the system: Hypothesis makes Python's own repeat itself."""
    return str(uuid.UUID(f"{int(at.timestamp() * 1000):012x}7{secrets.token_hex(2)[1:]}8{secrets.token_hex(8)[1:]}"))


def record(at: datetime, **fields: Any) -> CallRecord:
    """A call that began `at` (aware), with an id of that moment."""
    given: dict[str, Any] = {
        "call_id": call_id(at),
        "request_id": "request",
        "created_at": at.timestamp(),
        "endpoint": "chat/completions",
        "status": "succeeded",
        "http_status": 200,
        "project": "default",
        "provider": "openai",
        "model": "gpt",
    }
    return CallRecord(**{**given, **fields})


ENDS = (
    ("succeeded", 200), ("cancelled", 499), ("failed", 200), ("failed", 400), ("failed", 404), ("failed", 429),
    ("failed", 500), ("failed", 503),
)  # fmt: skip
SERVERS = (("", ""), ("openai", "gpt"), ("openai", "mini"), ("anthropic", "gpt"))
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
# Bounds of the histogram's buckets, and what lies just beside and between them.
DURATIONS = st.one_of(
    st.sampled_from((0.0, 1.0, 1.001, 2.0, 99.999, 100.0, 100.001, 600_000.0, 600_000.5)),
    st.floats(0, 2_000_000, allow_nan=False),
)


@st.composite
def records(draw: st.DrawFn, *, until: datetime, within: timedelta) -> CallRecord:
    """Any call that began in the time `within` before `until`, to the millisecond; some just at `until`."""
    milliseconds = int(within / timedelta(milliseconds=1))
    at = until.astimezone(UTC) - timedelta(milliseconds=draw(st.integers(0, milliseconds)))
    status, http_status = draw(st.sampled_from(ENDS))
    provider, model = draw(st.sampled_from(SERVERS))
    return record(
        at,
        status=status,
        http_status=http_status,
        provider=provider,
        model=model,
        project=draw(st.sampled_from(("", "a", "b"))),
        revision=draw(st.integers(0, 2)),
        latency_ms=draw(DURATIONS),
        time_to_first_token_ms=draw(st.none() | DURATIONS),
        **{name: draw(st.integers(0, 5000)) for name in TOKENS},
    )
