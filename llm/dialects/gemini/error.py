"""Errors in Google's words: `{"error": {code, message, status, details}}`, of a stream also as a list of one, or as
the bare object behind the events (https://ai.google.dev/gemini-api/docs/troubleshooting, google.rpc.Status)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.rejection import Told, told, upstream_error_of
from llm.dialects.sse import data_event
from llm.errors import GatewayError, UpstreamError

_STATUS: Final = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_WORDS: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TYPES: Final = "type.googleapis.com/google.rpc."
DOMAIN: Final = "llm-gateway"


def read_error(raw: bytes) -> UpstreamError:
    """The error inside a 2xx answer or a stream: the object itself, or what holds it under `error`."""
    error = _error(raw)
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 and code != 499 else 0
    return upstream_error(status or _STATUS.get(str(error.get("status")), 500), {}, raw)


def upstream_error(
    status: int, headers: Mapping[str, str], body: bytes, now: Callable[[], float] = time.time
) -> UpstreamError:
    """An answer that is not 2xx. Google says how long to wait in the body (RetryInfo), and calls a bad key a bad
    request (400, reason API_KEY_INVALID)."""
    details = _details(_error(body))
    reasons = [str(detail.get("reason")) for detail in details]
    if status == 400 and any(reason.startswith("API_KEY_") for reason in reasons):
        status = 401
    waits = [wait for detail in details if (wait := _seconds(detail.get("retryDelay"))) is not None]
    if waits and "retry-after" not in headers:
        headers = {**headers, "retry-after": str(max(waits))}
    return upstream_error_of(status, _told(body, details), headers=headers, now=now)


def refuse_bare_error(raw: bytes) -> None:
    """Google breaks a stream off with the error as it stands, in no event (seen in 2026, when capacity is short)."""
    if raw.lstrip()[:1] in (b"{", b"[") and _error(raw):
        raise read_error(raw)


def _told(body: bytes, details: list[dict[str, object]]) -> Told:
    """`code` is a number here, and says no more than the status does."""
    error = _error(body)
    if not error:
        return told(body)
    violations = [violation for detail in details for violation in _objects(detail.get("fieldViolations"))]
    fields = [field for violation in violations if isinstance(field := violation.get("field"), str)]
    message = error.get("message")
    return Told(
        message=message if isinstance(message, str) else "",
        type=str(error.get("status") or "").lower(),
        param=next(iter(fields), None),
    )


def _error(raw: bytes) -> dict[str, object]:
    """The error object, {} where there is none."""
    try:
        value: object = msgspec.json.decode(raw)
    except BAD_JSON:
        return {}
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and isinstance(value.get("error"), dict):
        value = value["error"]
    return value if isinstance(value, dict) and ("message" in value or "status" in value) else {}


def _details(error: dict[str, object]) -> list[dict[str, object]]:
    return _objects(error.get("details"))


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _seconds(duration: object) -> float | None:
    """Of a duration as Google writes it, "34.074824224s"."""
    if not isinstance(duration, str) or not duration.endswith("s"):
        return None
    try:
        return float(duration[:-1])
    except ValueError:
        return None


def write_error(error: GatewayError, request_id: str) -> bytes:
    details: list[dict[str, object]] = [
        {
            "@type": _TYPES + "ErrorInfo",
            "reason": error.code.upper(),
            "domain": DOMAIN,
            "metadata": {"source": error.source, "requestId": request_id},
        }
    ]
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": _TYPES + "BadRequest", "fieldViolations": [violation]})
    if error.retry_after is not None:
        details.append({"@type": _TYPES + "RetryInfo", "retryDelay": f"{error.retry_after:.3f}s"})
    word = _WORDS.get(error.status) or ("INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
    written = {"code": error.status, "message": error.message, "status": word, "details": details}
    return msgspec.json.encode({"error": written})


def write_stream_error(error: GatewayError, request_id: str, after: bytes = b"") -> bytes:
    return data_event(write_error(error, request_id))
