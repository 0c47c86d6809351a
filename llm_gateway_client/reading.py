"""An answer of /v1/chat/completions or /v1/embeddings as an LLMResponse or Embeddings. Pure.

Nothing is raised for an answer, whatever it is: one that is none is a failure (`upstream_error`).
"""

from __future__ import annotations

import json
from typing import Any, Final

from llm_gateway_client import told
from llm_gateway_client.answers import (
    CacheMetadata,
    Embeddings,
    ErrorDetails,
    FinishReason,
    LLMResponse,
    PerformanceMetrics,
    ToolUseRequest,
    Usage,
)
from llm_gateway_client.door import Answer, Trail
from llm_gateway_client.errors import GatewayFailure
from llm_gateway_client.shape import finite

_FINISH: Final = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTERED,
}


def finish_reason(value: object) -> FinishReason:
    return _FINISH.get(told.text(value), FinishReason.UNKNOWN)


def response(answer: Answer, *, request_id: str) -> LLMResponse:
    """`request_id` is the one that was sent."""
    found = _blank(answer.trail, request_id=request_id, raw=answer.body)
    choices = told.array(answer.body.get("choices"))
    choice = told.obj(choices[0]) if choices else {}
    if not isinstance(choice.get("message"), dict):
        return _failed(found, malformed("The answer holds no message."))
    message = told.obj(choice["message"])
    found.generated_content = told.content(message.get("content"))
    found.tool_use_requests = [tool_use(told.obj(call)) for call in told.array(message.get("tool_calls"))]
    found.finish_reason = finish_reason(choice.get("finish_reason"))
    found.usage = usage(answer.body.get("usage"), cost_usd=answer.trail.cost_usd)
    found.model = answer.trail.model or told.text(answer.body.get("model"))
    return found


def failed(failure: GatewayFailure, *, request_id: str, trail: Trail | None = None) -> LLMResponse:
    """A call that failed, as a response."""
    found = _blank(trail or Trail(call_id=failure.call_id), request_id=request_id, raw={})
    return _failed(found, failure)


def details(failure: GatewayFailure, *, request_id: str) -> ErrorDetails:
    return ErrorDetails(
        code=failure.code,
        message=failure.message,
        retryable=failure.retryable,
        retry_after_seconds=failure.retry_after_seconds,
        request_id=failure.request_id or request_id,
        status=failure.status,
        source=failure.source,
    )


def malformed(message: str) -> GatewayFailure:
    """For an answer that is none."""
    return GatewayFailure(message, "upstream_error", status=502, retryable=True, source="client")


def usage(value: object, *, cost_usd: float | None) -> Usage | None:
    """None where nothing is told."""
    if not isinstance(value, dict):
        return None
    prompt, completion = told.count(value.get("prompt_tokens")), told.count(value.get("completion_tokens"))
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=told.count(value.get("total_tokens")) or prompt + completion,
        cached_tokens=told.count(told.obj(value.get("prompt_tokens_details")).get("cached_tokens")),
        reasoning_tokens=told.count(told.obj(value.get("completion_tokens_details")).get("reasoning_tokens")),
        cost_usd=cost_usd,
    )


def tool_use(call: dict[str, Any]) -> ToolUseRequest:
    function = told.obj(call.get("function"))
    raw = told.text(function.get("arguments"))
    return ToolUseRequest(
        id=told.text(call.get("id")),
        name=told.text(function.get("name")),
        arguments=_arguments(raw),
        raw_arguments=raw,
    )


def embeddings(answer: Answer, *, count: int, request_id: str) -> Embeddings:
    """GatewayFailure (upstream_error) unless there are `count` vectors of numbers."""
    rows = [told.obj(row) for row in told.array(answer.body.get("data"))]
    indices = [row.get("index") for row in rows]
    if sorted(told.count(index) for index in indices) == list(range(len(rows))):
        rows.sort(key=lambda row: told.count(row.get("index")))
    vectors = [row.get("embedding") for row in rows]
    if len(vectors) != count or not all(isinstance(one, list) and one and all(map(finite, one)) for one in vectors):
        raise malformed(f"The answer does not hold {count} embeddings.")
    return Embeddings(
        vectors=[told.array(one) for one in vectors],
        model=answer.trail.model or told.text(answer.body.get("model")),
        provider=answer.trail.provider,
        request_id=request_id,
        call_id=answer.trail.call_id,
        usage=usage(answer.body.get("usage"), cost_usd=answer.trail.cost_usd),
        raw=answer.body,
    )


def trail(value: dict[str, Any], before: Trail | None = None) -> Trail:
    """What is told of a call, as text or numbers; over what was known before."""
    known = before or Trail()
    return Trail(
        call_id=told.text(value.get("call_id")) or known.call_id,
        request_id=told.text(value.get("request_id")) or known.request_id,
        provider=told.text(value.get("provider")) or known.provider,
        model=told.text(value.get("model")) or known.model,
        attempts=_whole(value.get("attempts")) or known.attempts,
        cost_usd=_known(told.number(value.get("cost_usd")), known.cost_usd),
        cache=told.text(value.get("cache")) or known.cache,
        revision=_whole(value.get("revision")) or known.revision,
        latency_ms=told.number(value.get("latency_ms")) or known.latency_ms,
        overhead_ms=_known(told.number(value.get("overhead_ms")), known.overhead_ms),
    )


def _blank(known: Trail, *, request_id: str, raw: dict[str, Any]) -> LLMResponse:
    return LLMResponse(
        request_id=request_id,
        performance_metrics=PerformanceMetrics(
            latency_ms=known.latency_ms, overhead_ms=known.overhead_ms, attempts=known.attempts
        ),
        cache_metadata=CacheMetadata(status=known.cache),
        model=known.model,
        provider=known.provider,
        call_id=known.call_id,
        revision=known.revision,
        raw=raw,
    )


def _failed(found: LLMResponse, failure: GatewayFailure) -> LLMResponse:
    found.finish_reason = FinishReason.ERROR
    found.error_details = details(failure, request_id=found.request_id)
    return found


def _arguments(raw: str) -> dict[str, Any]:
    try:
        return told.obj(json.loads(raw))
    except (ValueError, RecursionError):
        return {}


def _whole(value: object) -> int:
    return int(told.number(value) or 0)


def _known(value: float | None, before: float | None) -> float | None:
    return before if value is None else value
