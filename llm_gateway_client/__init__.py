"""The LLM Gateway's client: `from llm_gateway_client import LLMGatewayClient, LLMRequest, LLMConfig`.

It needs neither Django nor Celery (but for the door by Celery) nor the gateway's own code.
"""

from llm_gateway_client.answers import (
    CacheMetadata,
    Embeddings,
    ErrorDetails,
    FinishReason,
    LLMResponse,
    PerformanceMetrics,
    StreamChunk,
    ToolUseRequest,
    Usage,
)
from llm_gateway_client.client import Client
from llm_gateway_client.door import Answer, Door, Trail, Wishes
from llm_gateway_client.errors import GatewayFailure, LLMGatewayError
from llm_gateway_client.gateway_client import LLMGatewayClient
from llm_gateway_client.models import InterventionContext, LLMConfig, LLMRequest
from llm_gateway_client.version import __version__

__all__ = [
    "Answer",
    "CacheMetadata",
    "Client",
    "Door",
    "Embeddings",
    "ErrorDetails",
    "FinishReason",
    "GatewayFailure",
    "InterventionContext",
    "LLMConfig",
    "LLMGatewayClient",
    "LLMGatewayError",
    "LLMRequest",
    "LLMResponse",
    "PerformanceMetrics",
    "StreamChunk",
    "ToolUseRequest",
    "Trail",
    "Usage",
    "Wishes",
    "__version__",
]
