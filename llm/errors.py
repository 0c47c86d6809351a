"""The one tree of errors that a call can end in.

    GatewayError
    ├── CallerError                      the call itself is wrong; a repetition fails again
    │   ├── InvalidApiKey                401 invalid_api_key
    │   ├── UnknownPath                  404 unknown_url
    │   ├── MethodNotAllowed             405 method_not_supported
    │   ├── ModelNotFound                404 model_not_found
    │   ├── RequestTooLarge              413 request_too_large
    │   └── InvalidRequest               400 invalid_request
    │       ├── ContextLengthExceeded    400 context_length_exceeded
    │       ├── ContentFiltered          400 content_filtered
    │       └── Unsupported              400 invalid_request (a field that a candidate cannot carry, where the route
    │                                    refuses to drop it)
    ├── GatewayUnavailable               503 no_healthy_upstream (no configuration yet, draining)
    │   └── RecordNotWritten             503 record_not_written
    ├── InternalError                    500 internal_error (a defect of ours, logged with its stack)
    ├── CallCancelled                    499 cancelled (the caller left; nobody reads the answer)
    └── UpstreamError                    source "provider"
        ├── NoHealthyUpstream            503 no_healthy_upstream
        ├── CredentialsExhausted         502 upstream_credentials_exhausted
        ├── UpstreamAuthFailed           502 upstream_credentials_exhausted (one key was refused: 401, 402, 403)
        ├── UpstreamTimeout              504 upstream_timeout
        ├── UpstreamRateLimited          429 rate_limit_exceeded
        ├── UpstreamRejected             the provider's own 400, 404, 413, 422, passed through
        │   ├── UpstreamContextExceeded  the same, and a ContextLengthExceeded
        │   └── UpstreamContentFiltered  the same, and a ContentFiltered
        └── UpstreamFailed               502 upstream_error (its 5xx)
            ├── UpstreamUnreachable      502 upstream_error (connection refused, reset, TLS, address refused)
            └── UpstreamMalformed        502 upstream_error (garbage, HTML, a stream that ends before its end)

Every error knows `status` (HTTP, OpenAI dialect), `code`, `retryable` (may another attempt of the gateway help?),
`anthropic_status` and `anthropic_type`. A message never holds a key, a prompt, SQL, a stack or an upstream address.

`args` are (message, code, retryable): Celery's JSON result backend stores `args`, and services without this code read
them there.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Source = Literal["gateway", "provider"]


class GatewayError(Exception):
    """Base of all errors of a call.

    `retry_after` is in seconds, `param` names the offending field of the body, `should_retry` is what the
    caller's SDK is told in `x-should-retry`.
    """

    status: int = 500
    code: str = "internal_error"
    retryable: bool = False
    source: ClassVar[Source] = "gateway"
    openai_type: str = "api_error"
    anthropic_status: int = 500
    anthropic_type: str = "api_error"
    should_retry: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        code: str | None = None,
        retryable: bool | None = None,
        *,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable
        self.message = message
        self.param = param
        self.retry_after = retry_after
        super().__init__(message, self.code, self.retryable)

    def __str__(self) -> str:
        return self.message


class CallerError(GatewayError):
    """The call is wrong; repeating it as it stands fails again."""

    status = 400
    code = "invalid_request"
    openai_type = "invalid_request_error"
    anthropic_status = 400
    anthropic_type = "invalid_request_error"


class InvalidApiKey(CallerError):
    status = anthropic_status = 401
    code = "invalid_api_key"
    anthropic_type = "authentication_error"


class UnknownPath(CallerError):
    status = anthropic_status = 404
    code = "unknown_url"
    anthropic_type = "not_found_error"


class MethodNotAllowed(CallerError):
    status = anthropic_status = 405
    code = "method_not_supported"


class ModelNotFound(CallerError):
    status = anthropic_status = 404
    code = "model_not_found"
    anthropic_type = "not_found_error"


class RequestTooLarge(CallerError):
    status = anthropic_status = 413
    code = "request_too_large"
    anthropic_type = "request_too_large"


class InvalidRequest(CallerError):
    """The body cannot be served; `param` names the field."""


class ContextLengthExceeded(InvalidRequest):
    code = "context_length_exceeded"


class ContentFiltered(InvalidRequest):
    code = "content_filtered"


class Unsupported(InvalidRequest):
    """The candidate's dialect cannot carry a field of the request, and the route refuses to drop it. Nothing was sent;
    another candidate may be able to."""


class GatewayUnavailable(GatewayError):
    """No configuration yet, or the process is going down."""

    status = 503
    code = "no_healthy_upstream"
    anthropic_status = 529
    anthropic_type = "overloaded_error"


class RecordNotWritten(GatewayUnavailable):
    """The call's record could not be written: nothing is acknowledged that is not accounted for."""

    code = "record_not_written"


class InternalError(GatewayError):
    """A defect of the gateway; the stack is in the log under the call id."""


class CallCancelled(GatewayError):
    """The caller left before the answer was whole."""

    status = anthropic_status = 499
    code = "cancelled"


class UpstreamError(GatewayError):
    """The provider, not the gateway, is why the call failed."""

    status = anthropic_status = 502
    code = "upstream_error"
    source = "provider"
    retryable = True


class NoHealthyUpstream(UpstreamError):
    status = 503
    code = "no_healthy_upstream"
    anthropic_status = 529
    anthropic_type = "overloaded_error"
    retryable = False


class CredentialsExhausted(UpstreamError):
    """No key of the provider can be used, or all were refused. Never its own 401: the caller's key is fine."""

    code = "upstream_credentials_exhausted"
    retryable = False


class UpstreamAuthFailed(UpstreamError):
    """The provider refused one key (401, 402 or 403). Another key may be accepted."""

    code = "upstream_credentials_exhausted"


class UpstreamTimeout(UpstreamError):
    """`phase` (connect, first_byte, first_token, idle, total) says which limit ran out."""

    status = anthropic_status = 504
    code = "upstream_timeout"
    openai_type = "timeout_error"
    anthropic_type = "timeout_error"

    def __init__(self, message: str, *args: object, phase: str = "total", **kwargs: object) -> None:
        super().__init__(message, *args, **kwargs)  # type: ignore[arg-type]  # reason: forwards the base's own parameters
        self.phase = phase


class UpstreamRateLimited(UpstreamError):
    status = anthropic_status = 429
    code = "rate_limit_exceeded"
    openai_type = "rate_limit_error"
    anthropic_type = "rate_limit_error"


class UpstreamRejected(UpstreamError):
    """The provider's own 4xx about the request: its status, code and message go to the caller."""

    status = anthropic_status = 400
    code = "invalid_request"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"
    retryable = False

    def __init__(
        self, message: str, code: str | None = None, *args: object, status: int = 400, **kwargs: object
    ) -> None:
        super().__init__(message, code, *args, **kwargs)  # type: ignore[arg-type]  # reason: forwards the base's own parameters
        self.status = self.anthropic_status = status
        if status == 404:
            self.anthropic_type = "not_found_error"
        elif status == 413:
            self.anthropic_type = "request_too_large"


class UpstreamContextExceeded(UpstreamRejected, ContextLengthExceeded):
    """The provider says that the conversation does not fit in the model's window."""

    code = ContextLengthExceeded.code


class UpstreamContentFiltered(UpstreamRejected, ContentFiltered):
    """The provider's content policy refuses the conversation, or every answer to it."""

    code = ContentFiltered.code


class UpstreamFailed(UpstreamError):
    """The provider answered 5xx."""


class UpstreamUnreachable(UpstreamFailed):
    """No connection: refused, reset, TLS failure, unknown host, or an address that is not allowed."""


class UpstreamMalformed(UpstreamFailed):
    """The provider's bytes are no answer: garbage, HTML, or a stream that stops before its end."""
