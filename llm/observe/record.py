"""CallRecord: what is kept of every call, also of a failed, cancelled or disconnected one.

It names projects, keys, providers and models by their natural keys, so that it outlives them. It is written to the
spool by the data plane and read from there by `audit.ingest`.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Status = Literal["succeeded", "failed", "cancelled"]


class CallRecord(msgspec.Struct, kw_only=True):
    """`created_at` is in seconds since 1970 (float); durations are in milliseconds; tokens as in `llm.spec.Usage`.

    `call_id` is a UUIDv7 in text form, made here; `request_id` is the caller's label. `provider`, `model`, `route`
    are empty where the call ended before one was chosen; `provider_key` is the id of the provider's key that the last
    attempt used. `http_status` is what the caller got (499: it had left).
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
    latency_ms: float = 0.0
    time_to_first_token_ms: float | None = None
    overhead_ms: float = 0.0


class Sink(Protocol):
    """Takes finished records. `write` returns after the record would survive kill -9 of this process; it raises
    RecordNotWritten where that cannot be had."""

    def write(self, record: CallRecord) -> None: ...


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(CallRecord).decode
