"""An error of the data plane as what every door of the client raises. Pure: as the HTTP door would read its answer."""

from __future__ import annotations

import math
from typing import Final

from llm.errors import GatewayError
from llm.service import Call
from llm_gateway_client import errors
from llm_gateway_client.errors import GatewayFailure

_TOLD_WHEN: Final = (429, 503)


def failure(error: GatewayError, call: Call, *, begun: bool = False) -> GatewayFailure:
    """`begun`: a part of the answer is out, so the call must not be repeated."""
    known = error.retry_after is not None or error.status in _TOLD_WHEN
    again = not begun and (error.should_retry or (error.status == 503 and error.retry_after is not None))
    return GatewayFailure(
        error.message,
        error.code,
        status=error.status,
        retryable=errors.retryable(error.code) or again,
        retry_after_seconds=float(math.ceil(error.retry_after or 1)) if known and not begun else None,
        request_id=call.request_id,
        source=error.source,
        should_retry=again,
        call_id=call.call_id,
    )
