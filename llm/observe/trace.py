"""The decision trace of a call: what could have served it, what was passed over and why, what was tried, how it went.

Steps stand in the order of time. A step never holds a key's value, a prompt, an address or a provider's words.
"""

from __future__ import annotations

from typing import Literal

import msgspec

StepKind = Literal["plan", "skipped", "attempt", "wait"]


class TraceStep(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`at_ms` and `duration_ms` in milliseconds, `at_ms` since the call began; `retry_after_seconds` as the provider
    named it. `model` is "provider/model", `key` the id of the provider's key.

    plan: `reason` is the strategy, `candidates` the models in the order in which they would be tried, fallbacks last.
    skipped: `reason` says why. wait: `reason` is backoff, retry_after or cool_down.
    attempt: `outcome` as in `llm.observe.metrics`, `error` and `phase` of what went wrong, `role` target, fallback or
    hedge; tokens and cost where the attempt used any.
    """

    event: StepKind
    at_ms: float = 0.0
    duration_ms: float | None = None
    model: str = ""
    key: str = ""
    role: str = ""
    reason: str = ""
    candidates: tuple[str, ...] = ()
    outcome: str = ""
    error: str = ""
    phase: str = ""
    retry_after_seconds: float | None = None
    first_token_ms: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int | None = None
