"""Errors in Anthropic's dialect: `{"type": "error", "error": {"type", "message"}, "request_id"}`."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.rejection import told, upstream_error_of
from llm.dialects.sse import named_event
from llm.errors import GatewayError, UpstreamError

_STATUS: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def read_error(raw: bytes) -> UpstreamError:
    """The `error` object inside a 2xx answer or a stream."""
    said = told(raw)
    return upstream_error_of(_STATUS.get(said.type, 500), said, headers={})


def write_error(error: GatewayError, request_id: str) -> bytes:
    return msgspec.json.encode(
        {
            "type": "error",
            "error": {"type": error.anthropic_type, "message": error.message},
            "request_id": request_id,
        }
    )


def write_stream_error(error: GatewayError, request_id: str, after: bytes = b"") -> bytes:
    return named_event(b"error", write_error(error, request_id))
