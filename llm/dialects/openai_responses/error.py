"""Errors of responses: over HTTP the envelope of OpenAI's chat, in a stream an event
`{"type": "error", code, message, param, sequence_number}` (openai/types/responses/response_error_event.py).

A provider's stream may also hold it as `{"type": "error", "error": {...}}`, or end in `response.failed`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.openai_chat.error import write_error
from llm.dialects.rejection import Told, told, upstream_error_of
from llm.dialects.sse import SseDecoder, named_event
from llm.errors import GatewayError, UpstreamError

__all__ = ["read_error", "write_error", "write_stream_error"]

# openai/types/responses/response_error.py, and the codes and types of the HTTP envelope. Nothing here: 500.
_STATUS: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "invalid_prompt": 400,
    "bio_policy": 400,
    "misalignment_policy_violation": 400,
    "data_residency_mismatch": 400,
    "invalid_image": 400,
    "invalid_image_format": 400,
    "invalid_base64_image": 400,
    "invalid_image_url": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "image_parse_error": 400,
    "image_content_policy_violation": 400,
    "invalid_image_mode": 400,
    "image_file_too_large": 400,
    "unsupported_image_media_type": 400,
    "empty_image_file": 400,
    "failed_to_download_image": 400,
    "image_file_not_found": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "vector_store_timeout": 504,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class _Numbered(msgspec.Struct, gc=False):
    sequence_number: int = -1


_NUMBERED: Final = msgspec.json.Decoder(_Numbered)


def read_error(raw: bytes | msgspec.Raw) -> UpstreamError:
    """The error object of a failed response, or an error event of either form."""
    said = told(bytes(raw))
    return upstream_error_of(_status(said), said, headers={})


def _status(said: Told) -> int:
    if said.code.isdecimal() and 400 <= int(said.code) < 600:
        return int(said.code)
    return _STATUS.get(said.code) or _STATUS.get(said.type) or 500


def write_stream_error(error: GatewayError, request_id: str, after: bytes = b"") -> bytes:
    """Its number is the next one after that of the last event in `after`."""
    event = {
        "type": "error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "sequence_number": _number_after(after),
        "source": error.source,
        "request_id": request_id,
    }
    return named_event(b"error", msgspec.json.encode(event))


def _number_after(events: bytes) -> int:
    """0 where no event is there, or none that has a number (some servers leave it out)."""
    decoder = SseDecoder()
    numbers = [_number(frame.data) for frame in (*decoder.feed(events), *decoder.flush()) if frame.data]
    return max(numbers, default=-1) + 1


def _number(data: bytes) -> int:
    try:
        return _NUMBERED.decode(data).sequence_number
    except BAD_JSON:
        return -1
