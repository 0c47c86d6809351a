"""The decision trace of a call: what could have served it, what was passed over and why, what was tried, how it went.

Steps stand in the order of time. A step never holds a key's value, a prompt, an address or a provider's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

StepKind = Literal["plan", "skipped", "attempt", "wait"]

# No model answers with a million million tokens. A provider that says so must not make a sum overflow, and with it
# all that is added to it later.
MOST_TOKENS: Final = 10**12
MOST_STEPS: Final = 100
MOST_CANDIDATES: Final = 100
LONGEST_NAME: Final = 330  # of a provider and one of its models
MOST_BYTES: Final = 160 * 1024  # of a tamed trace as msgpack: a record's frame has room for it beside all else


class TraceStep(msgspec.Struct, omit_defaults=True, gc=False):
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


def tamed(steps: Sequence[TraceStep]) -> list[TraceStep]:
    """Copies that can be written whatever stands in them, MOST_BYTES of them at most: of too many steps the first and
    the last, at most MOST_STEPS; texts cut to LONGEST_NAME characters, halves of surrogate pairs replaced; at most
    MOST_TOKENS of a kind."""
    kept = [_plain_step(step) for step in _ends(steps, MOST_STEPS)]
    while len(kept) > 1 and len(msgspec.msgpack.encode(kept)) > MOST_BYTES:
        kept = _ends(kept, len(kept) // 2)
    return kept


def _ends(steps: Sequence[TraceStep], most: int) -> list[TraceStep]:
    if len(steps) <= most:
        return list(steps)
    return [*steps[: most // 2], *steps[most // 2 - most :]]


def _plain_step(step: TraceStep) -> TraceStep:
    texts = {name: _plain(value) for name in step.__struct_fields__ if isinstance(value := getattr(step, name), str)}
    names = tuple(map(_plain, step.candidates[:MOST_CANDIDATES]))
    put, got = min(step.input_tokens, MOST_TOKENS), min(step.output_tokens, MOST_TOKENS)
    return msgspec.structs.replace(step, candidates=names, input_tokens=put, output_tokens=got, **texts)


def _plain(text: str) -> str:
    return text[:LONGEST_NAME].encode(errors="replace").decode()
