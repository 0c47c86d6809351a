"""What comes back from a call: LLMResponse, StreamChunk, Embeddings, and what they hold."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from llm_gateway_client.errors import LLMGatewayError
from llm_gateway_client.shape import Shape, finite


class FinishReason(enum.StrEnum):
    """Why an answer ended. `error`: it did not, and `error_details` tell why."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTERED = "content_filtered"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class ErrorDetails(Shape):
    """`code` is one of the gateway's error codes, `status` its HTTP status (0: no answer came). `retryable`: the same
    call may succeed later, after `retry_after_seconds` where that is known. `source` is gateway, provider or client."""

    code: str
    message: str
    retryable: bool = False
    retry_after_seconds: float | None = None
    request_id: str = ""
    status: int = 0
    source: str = "gateway"

    def error(self) -> LLMGatewayError:
        """The same as an exception."""
        return LLMGatewayError(
            self.message,
            self.code,
            status=self.status,
            retryable=self.retryable,
            retry_after_seconds=self.retry_after_seconds,
            request_id=self.request_id,
            source=self.source,
        )


@dataclass(slots=True)
class Usage(Shape):
    """In tokens. `prompt_tokens` include the cached ones, `completion_tokens` the reasoning ones. `cost_usd` is in US
    dollars; None where the model has no price, or the way does not tell it (streams over HTTP)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None


@dataclass(slots=True)
class ToolUseRequest(Shape):
    """The model asks for a tool. `arguments` are what its JSON text says; where that is no JSON object, they are empty
    and `raw_arguments` holds the text as it came."""

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    raw_arguments: str = ""


@dataclass(slots=True)
class PerformanceMetrics(Shape):
    """Times in milliseconds. `latency_ms`: until the whole answer was here, `time_to_first_token_ms`: until its first
    text (streams); both as the client saw it. `overhead_ms` is the gateway's own share. `attempts` at providers."""

    latency_ms: float = 0.0
    time_to_first_token_ms: float | None = None
    overhead_ms: float | None = None
    attempts: int = 0


@dataclass(slots=True)
class CacheMetadata(Shape):
    """`status` is hit, semantic, miss or bypass; "" where it is not told."""

    status: str = ""

    @property
    def hit(self) -> bool:
        return self.status in ("hit", "semantic")


@dataclass(slots=True)
class LLMResponse(Shape):
    """One answer, or why there is none: then `finish_reason` is error and `error_details` are set.

    `generated_content` is the text of the first choice, None where there is none. `raw` is the endpoint's own JSON.
    `call_id` is the gateway's id of the call: the key of its record. `revision` is the configuration that served it.
    """

    request_id: str
    generated_content: str | None = None
    finish_reason: FinishReason = FinishReason.UNKNOWN
    tool_use_requests: list[ToolUseRequest] = field(default_factory=list)
    usage: Usage | None = None
    error_details: ErrorDetails | None = None
    performance_metrics: PerformanceMetrics = field(default_factory=PerformanceMetrics)
    cache_metadata: CacheMetadata = field(default_factory=CacheMetadata)
    model: str = ""
    provider: str = ""
    call_id: str = ""
    revision: int = 0
    raw: dict[str, Any] = field(default_factory=dict)

    def raise_for_error(self) -> LLMResponse:
        """LLMGatewayError where the call failed; else itself, so that calls can be chained."""
        if self.error_details is not None:
            raise self.error_details.error()
        return self


@dataclass(slots=True)
class StreamChunk(Shape):
    """A piece of an answer.

    `delta_text` is the new text. The last chunk has `is_final`, a `finish_reason`, the whole `tool_use_requests`, and
    `usage` or `error_details`; `response` is then the answer put together, as `generate` would have given it.
    `raw` is the endpoint's own chunk.
    """

    request_id: str
    delta_text: str = ""
    is_final: bool = False
    finish_reason: FinishReason | None = None
    tool_use_requests: list[ToolUseRequest] = field(default_factory=list)
    usage: Usage | None = None
    error_details: ErrorDetails | None = None
    response: LLMResponse | None = None
    raw: dict[str, Any] = field(default_factory=dict)

    def raise_for_error(self) -> StreamChunk:
        """LLMGatewayError where the stream failed; else itself."""
        if self.error_details is not None:
            raise self.error_details.error()
        return self


@dataclass(slots=True)
class Embeddings(Shape):
    """One vector for each text, in order. Failures raise: there is no half of an embedding."""

    vectors: list[list[float]]
    model: str = ""
    provider: str = ""
    request_id: str = ""
    call_id: str = ""
    usage: Usage | None = None
    raw: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The vectors have thousands of numbers: the quick way round."""
        if not all(isinstance(vector, list) and all(map(finite, vector)) for vector in self.vectors):
            raise TypeError("Embeddings.vectors must be a list of lists of numbers.")
