"""A request as the body of /v1/chat/completions or /v1/embeddings, and what goes beside it. Pure."""

from __future__ import annotations

import json
import uuid
from typing import Any

from llm_gateway_client import labels
from llm_gateway_client.door import Wishes
from llm_gateway_client.models import InterventionContext, LLMConfig, LLMRequest

CHAT = "chat/completions"
EMBEDDINGS = "embeddings"


def chat_body(request: LLMRequest) -> dict[str, Any]:
    """Without `stream`: only what the request says is in it. ValueError for what JSON cannot hold."""
    config, context = request.config, request.initial_context
    fields = {
        **_sampling(config),
        "tools": request.tools,
        "tool_choice": request.tool_choice,
        "response_format": request.response_format,
        "user": context.user_id if context else None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return _sendable({"model": config.model_identifier, "messages": messages(request), **given, **config.extra})


def streamed(body: dict[str, Any]) -> dict[str, Any]:
    """The same call as a stream that tells its usage."""
    options = body.get("stream_options")
    asked = options if isinstance(options, dict) else {}
    return {**body, "stream": True, "stream_options": {"include_usage": True, **asked}}


def messages(request: LLMRequest) -> list[dict[str, Any]]:
    """System prompt, history, prompt."""
    found: list[dict[str, Any]] = []
    if request.config.system_prompt is not None:
        found.append({"role": "system", "content": request.config.system_prompt})
    if request.initial_context is not None:
        found += request.initial_context.history
    prompt = request.prompt_content
    if isinstance(prompt, list) and "role" in prompt[0]:
        return found + prompt
    return [*found, {"role": "user", "content": prompt}]


def embeddings_body(
    texts: str | list[str], model: str, *, dimensions: int | None, context: InterventionContext | None
) -> dict[str, Any]:
    """TypeError or ValueError for what is not a text or several."""
    if not isinstance(model, str) or not model:
        raise ValueError("The model of an embedding must be a text that is not empty.")
    if not (isinstance(texts, str) or (isinstance(texts, list) and all(isinstance(text, str) for text in texts))):
        raise TypeError("The texts to embed must be a string or a list of strings.")
    if not texts:
        raise ValueError("There must be a text to embed.")
    fields = {"dimensions": dimensions, "user": context.user_id if context else None}
    given = {name: value for name, value in fields.items() if value is not None}
    return _sendable({"model": model, "input": texts, **given})


def wishes(request: LLMRequest) -> Wishes:
    """With a request id of its own where none is given: a failed call can then be looked up too."""
    return wishes_of(request.initial_context, request_id=request.request_id, timeout=request.config.timeout_seconds)


def wishes_of(
    context: InterventionContext | None, *, request_id: str | None = None, timeout: float | None = None
) -> Wishes:
    """ValueError where the context has been given what cannot be sent since it was made."""
    context = context or InterventionContext()
    tags = context.all_tags()
    labels.check(tags)
    labels.check_timeout(timeout, "timeout_seconds")
    label = request_id or context.request_id or uuid.uuid4().hex
    labels.check_request_id(label)
    return Wishes(
        request_id=label,
        tags=tags,
        end_user=context.user_id or "",
        session_id=context.session_id or "",
        timeout_seconds=timeout,
    )


def _sendable(body: dict[str, Any]) -> dict[str, Any]:
    """Found out here, and not when half of a batch is under way: a date, a NaN, half of a surrogate pair."""
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"The request holds what JSON cannot: {error}") from error
    return body


def _sampling(config: LLMConfig) -> dict[str, Any]:
    return {
        "temperature": config.temperature,
        "max_tokens": config.max_tokens,
        "top_p": config.top_p,
        "stop": config.stop_sequences,
        "presence_penalty": config.presence_penalty,
        "frequency_penalty": config.frequency_penalty,
    }
