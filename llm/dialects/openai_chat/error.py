"""Errors in OpenAI's dialect: `{"error": {message, type, param, code}}`, ours with source and request_id beside."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.rejection import Told, told, upstream_error_of
from llm.dialects.sse import data_event
from llm.errors import GatewayError, UpstreamError

# How an error inside an answer or a stream names what over HTTP is a status. Nothing here: 500.
_STATUS: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def read_error(raw: bytes) -> UpstreamError:
    """The `error` object inside a 2xx answer or a stream."""
    said = told(raw)
    return upstream_error_of(_status(said), said, headers={})


def refuse_bare_error(data: bytes) -> None:
    """Older vLLM puts the error's fields themselves into the event: `{"object": "error", "message": ...}`."""
    if told(data).message:
        raise read_error(data)


def _status(said: Told) -> int:
    if said.code.isdecimal() and 400 <= int(said.code) < 600:  # OpenRouter: the HTTP status as a number
        return int(said.code)
    return _STATUS.get(said.code) or _STATUS.get(said.type) or 500


def write_error(error: GatewayError, request_id: str) -> bytes:
    return msgspec.json.encode(
        {
            "error": {
                "message": error.message,
                "type": error.openai_type,
                "param": error.param,
                "code": error.code,
                "source": error.source,
                "request_id": request_id,
            }
        }
    )


def write_stream_error(error: GatewayError, request_id: str, after: bytes = b"") -> bytes:
    return data_event(write_error(error, request_id))
