"""A failed call as the door got it, as a GatewayFailure. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from llm_gateway_client import errors, told
from llm_gateway_client.errors import GatewayFailure

# The contract's codes, where an answer has no code of its own: a proxy in between, or a door without HTTP.
_CODE_OF_STATUS: Final = {
    401: "invalid_api_key",
    404: "unknown_url",
    413: "request_too_large",
    429: "rate_limit_exceeded",
    503: "no_healthy_upstream",
    504: "upstream_timeout",
}
_STATUS_OF_CODE: Final = {
    "invalid_api_key": 401,
    "model_not_found": 404,
    "invalid_request": 400,
    "context_length_exceeded": 400,
    "content_filtered": 400,
    "request_too_large": 413,
    "rate_limit_exceeded": 429,
    "budget_exceeded": 429,
    "no_healthy_upstream": 503,
    "record_not_written": 503,
    "upstream_credentials_exhausted": 502,
    "upstream_error": 502,
    "upstream_timeout": 504,
    "internal_error": 500,
}


def status_of(code: str) -> int:
    """The HTTP status that the contract gives this code; 0 for another one."""
    return _STATUS_OF_CODE.get(code, 0)


def of_response(status: int, headers: Mapping[str, str], body: bytes, *, request_id: str) -> GatewayFailure:
    """An answer that is no 2xx. `headers` have lower-case names."""
    try:
        said = told.obj(json.loads(body))
    except (ValueError, RecursionError):
        said = {}
    wait = told.number(headers.get("retry-after"))
    return _failure(
        told.obj(said.get("error")),
        status=status,
        retry_after=wait,
        should_retry=_should_retry(status, headers, wait),
        request_id=headers.get("x-request-id") or request_id,
        call_id=headers.get("x-gateway-call-id", ""),
    )


def of_event(error: Mapping[str, Any], *, request_id: str, call_id: str) -> GatewayFailure:
    """The `error` object inside a stream. A piece of the answer may be here already, so it is never repeated."""
    status = status_of(told.text(error.get("code"))) or 502
    return _failure(error, status=status, retry_after=None, should_retry=False, request_id=request_id, call_id=call_id)


def _failure(
    error: Mapping[str, Any],
    *,
    status: int,
    retry_after: float | None,
    should_retry: bool,
    request_id: str,
    call_id: str,
) -> GatewayFailure:
    code = told.text(error.get("code")) or _code(status)
    return GatewayFailure(
        told.text(error.get("message")) or f"The gateway answered with status {status}.",
        code,
        status=status,
        retryable=errors.retryable(code) or should_retry,
        retry_after_seconds=retry_after,
        request_id=told.text(error.get("request_id")) or request_id,
        source=told.text(error.get("source")) or "gateway",
        should_retry=should_retry,
        call_id=call_id,
    )


def _code(status: int) -> str:
    return _CODE_OF_STATUS.get(status) or ("invalid_request" if 400 <= status < 500 else "upstream_error")


def _should_retry(status: int, headers: Mapping[str, str], wait: float | None) -> bool:
    """What the gateway says; without its word, a proxy's "not now, but then" stands for it."""
    said = headers.get("x-should-retry", "").lower()
    return said == "true" or (not said and status in (429, 503) and wait is not None)
