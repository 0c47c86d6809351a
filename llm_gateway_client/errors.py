"""The errors of this package.

    LLMGatewayError          what `response.raise_for_error()` raises
    └── GatewayFailure       what a door raises: the call failed, and how

Wrong arguments are TypeError and ValueError.
"""

from __future__ import annotations

# Codes whose cause may have passed when the call is made again. The gateway has used up its own attempts by then, so
# that is for a person or a queue to decide: the client repeats a call only where `should_retry` says so.
_PASSING = frozenset({"rate_limit_exceeded", "upstream_error", "upstream_timeout"})


def retryable(code: str) -> bool:
    """Whether an error of this code may pass by itself; the same over every door."""
    return code in _PASSING


class LLMGatewayError(Exception):
    """A call that failed.

    `code` is one of the contract's error codes; `status` is the HTTP status that it has there (0: no answer came);
    `retryable` tells whether the same call may succeed later, `retry_after_seconds` when, where that is known;
    `source` is "gateway", "provider" or "client".
    """

    def __init__(
        self,
        message: str,
        code: str = "internal_error",
        *,
        status: int = 0,
        retryable: bool = False,
        retry_after_seconds: float | None = None,
        request_id: str = "",
        source: str = "gateway",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds
        self.request_id = request_id
        self.source = source

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class GatewayFailure(LLMGatewayError):
    """What a door raises. `should_retry`: the client may repeat the call at once, or after `retry_after_seconds`; set
    where the gateway says so, or where nothing of the call has left this process.

    `call_id` is the gateway's own id of the call, where it is known.
    """

    def __init__(
        self,
        message: str,
        code: str = "internal_error",
        *,
        status: int = 0,
        retryable: bool = False,
        retry_after_seconds: float | None = None,
        request_id: str = "",
        source: str = "gateway",
        should_retry: bool = False,
        call_id: str = "",
    ) -> None:
        super().__init__(
            message,
            code,
            status=status,
            retryable=retryable,
            retry_after_seconds=retry_after_seconds,
            request_id=request_id,
            source=source,
        )
        self.should_retry = should_retry
        self.call_id = call_id
