"""What goes into a call and comes out of it: the same as over HTTP and by Celery."""

from llm_gateway_client.models import (
    CacheMetadata,
    Embeddings,
    ErrorDetails,
    FinishReason,
    InterventionContext,
    LLMConfig,
    LLMRequest,
    LLMResponse,
    PerformanceMetrics,
    StreamChunk,
    ToolUseRequest,
    Usage,
)

__all__ = [
    "CacheMetadata",
    "Embeddings",
    "ErrorDetails",
    "FinishReason",
    "InterventionContext",
    "LLMConfig",
    "LLMRequest",
    "LLMResponse",
    "PerformanceMetrics",
    "StreamChunk",
    "ToolUseRequest",
    "Usage",
]
