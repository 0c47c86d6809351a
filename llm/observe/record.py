"""CallRecord: what is kept of every call, also of a failed, cancelled or disconnected one.

It names projects, keys, providers and models by their natural keys, so that it outlives them. It is written to the
spool by the data plane and read from there by `audit.ingest`.
"""

from __future__ import annotations

from itertools import islice
from typing import Final, Literal, Protocol

import msgspec

from llm.observe import trace
from llm.observe.health_event import HealthEvent
from llm.observe.trace import MOST_TOKENS as MOST_TOKENS  # it is this module's word too
from llm.observe.trace import TraceStep

Status = Literal["succeeded", "failed", "cancelled"]

LONGEST_TEXT: Final = 1000
MOST_TAGS: Final = 100
TOKEN_KINDS: Final = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


class CallRecord(msgspec.Struct, gc=False):
    """`created_at` is in seconds since 1970 (float); durations are in milliseconds; tokens as in `llm.spec.Usage`, at
    most MOST_TOKENS of a kind.

    `call_id` is a UUIDv7 in text form, made here; `request_id` is the caller's label. `provider`, `model`, `route`
    are empty where the call ended before one was chosen; `provider_key` is the id of the provider's key that the last
    attempt used. `http_status` is what the caller got (499: it had left). `cost_nano_usd` is
    None where the model had no price.
    """

    call_id: str
    request_id: str
    created_at: float
    endpoint: str
    status: Status = "failed"
    http_status: int = 0
    error_code: str = ""
    project: str = ""
    key: str = ""
    end_user: str = ""
    tags: dict[str, str] = {}
    requested_model: str = ""
    provider: str = ""
    model: str = ""
    provider_key: str = ""
    route: str = ""
    revision: int = 0
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
    trace: list[TraceStep] = []


class Sink(Protocol):
    """Takes finished records. `write` returns after the record would survive kill -9 of this process; it raises
    RecordNotWritten where that cannot be had. `tell` keeps a change of health the same way, but never raises: no call
    fails for it."""

    def write(self, record: CallRecord) -> None: ...

    def tell(self, event: HealthEvent) -> None: ...


def tamed(record: CallRecord) -> CallRecord:
    """A copy that can be written whatever a caller put into its texts: cut to LONGEST_TEXT characters, halves of
    surrogate pairs replaced, MOST_TAGS tags, MOST_TOKENS tokens of a kind, and a tamed trace. A record is never lost
    for what somebody says."""
    texts = {
        name: _plain(value) for name in CallRecord.__struct_fields__ if isinstance(value := getattr(record, name), str)
    }
    tags = {_plain(name): _plain(value) for name, value in islice(record.tags.items(), MOST_TAGS)}
    tokens = {kind: min(getattr(record, kind), MOST_TOKENS) for kind in TOKEN_KINDS}
    return msgspec.structs.replace(record, tags=tags, trace=trace.tamed(record.trace), **tokens, **texts)


def _plain(text: str) -> str:
    return text[:LONGEST_TEXT].encode(errors="replace").decode()


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(CallRecord).decode
