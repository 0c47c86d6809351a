"""What goes into a call: LLMRequest with its LLMConfig and InterventionContext."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from llm_gateway_client import labels
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
from llm_gateway_client.shape import Shape

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


@dataclass(slots=True)
class LLMConfig(Shape):
    """Which model, and how it shall answer. None leaves a value to the gateway and the provider.

    `model_identifier` is a route's name, `provider/model`, or a model's own id. `max_tokens` counts tokens of the
    answer. `timeout_seconds` bounds the whole call. `system_prompt` goes before all messages. `extra` holds further
    fields of the body of /v1/chat/completions (`seed`, `metadata`, a provider's own); it wins over the fields here.
    """

    model_identifier: str
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    timeout_seconds: float | None = None
    system_prompt: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Shape.__post_init__(self)
        if not self.model_identifier:
            raise ValueError("LLMConfig.model_identifier must not be empty.")
        labels.check_timeout(self.timeout_seconds, "LLMConfig.timeout_seconds")
        if "stream" in self.extra:
            raise ValueError("LLMConfig.extra must not hold 'stream': that is what generate_stream is for.")


@dataclass(slots=True)
class InterventionContext(Shape):
    """For whom and within what a call is made. All of it reaches the gateway's record of the call but `history`, which
    are messages that go before the prompt.

    `request_id` is a label of 1 to 128 visible ASCII characters. `tags` are names with values; with the session,
    conversation and correlation ids, which go as tags too, 16 at most. Those ids, and names and values of tags, are
    printable ASCII, 64 characters at most, without commas. ValueError otherwise: the gateway would refuse the call.
    """

    request_id: str | None = None
    session_id: str | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    correlation_id: str | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Shape.__post_init__(self)
        labels.check(self._ids())  # a tag of the same name would hide one
        labels.check(self.all_tags())
        labels.check_request_id(self.request_id)

    def all_tags(self) -> dict[str, str]:
        """The tags of the call's record: the ids that have no field of their own there are among them."""
        return {**self._ids(), **self.tags}

    def _ids(self) -> dict[str, str]:
        ids = {
            "session_id": self.session_id,
            "conversation_id": self.conversation_id,
            "correlation_id": self.correlation_id,
        }
        return {name: value for name, value in ids.items() if value}


@dataclass(slots=True)
class LLMRequest(Shape):
    """One call.

    `prompt_content` is a text; or messages (`[{"role": "user", "content": ...}, ...]`); or the parts of one user
    message (`[{"type": "text", "text": ...}, {"type": "image_url", ...}]`). Tools, `tool_choice` and `response_format`
    are those of OpenAI's chat completions. `request_id` wins over the context's; without either one is made.
    """

    prompt_content: str | list[dict[str, Any]]
    config: LLMConfig
    initial_context: InterventionContext | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    request_id: str | None = None

    def __post_init__(self) -> None:
        Shape.__post_init__(self)
        labels.check_request_id(self.request_id)
        if isinstance(self.prompt_content, list):
            _one_kind(self.prompt_content)


def _one_kind(items: list[dict[str, Any]]) -> None:
    if not items:
        raise ValueError("LLMRequest.prompt_content must not be an empty list.")
    if not (all("role" in item for item in items) or all("type" in item and "role" not in item for item in items)):
        raise ValueError("LLMRequest.prompt_content must be messages with a 'role' each, or parts with a 'type' each.")
