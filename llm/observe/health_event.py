"""A change of state of what calls depend on: a provider, a model, a key. Spooled as records of calls are, so that none
is lost and no call waits for it; `audit.ingest` reads them there."""

from __future__ import annotations

from typing import Literal

import msgspec

SubjectKind = Literal["provider", "model", "key"]
State = Literal["closed", "open", "half_open", "cooling"]
Category = Literal["", "timeout", "rate_limit", "auth", "server", "connection", "malformed"]
Cause = Literal["calls", "probe", "operator"]


class HealthEvent(msgspec.Struct, kw_only=True, array_like=True):
    """`event_id` is a UUIDv7 in text form; `at` and `until` in seconds since 1970 (`until` 0: not known). `name` is
    "openai", "openai/gpt-4o" or, of a key, "openai/KEY_ID". `failures` in a row led to it, the last of `category`."""

    event_id: str
    at: float
    kind: SubjectKind
    name: str
    old: State
    new: State
    category: Category = ""
    cause: Cause = "calls"
    until: float = 0.0
    failures: int = 0
