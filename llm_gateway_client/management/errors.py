"""The errors of the management API.

    LLMGatewayError
    └── ManagementError           all of them; no answer, 5xx and what has no class of its own are this one itself
        ├── InvalidFields    400  invalid_request: `field_errors` tells what is wrong
        ├── NotAuthenticated 401  invalid_token
        ├── NotPermitted     403  not_permitted
        ├── NotFound         404  not_found
        ├── Conflict         409  conflict: there is one already, or something still uses it
        └── Changed          412  changed: somebody changed it since it was read, or since the plan was made

Further codes: rate_limit_exceeded (429), unavailable (502, 503, 504), internal_error (other 5xx), unexpected_answer
(what is no answer of the gateway's), connection_failed (no answer; the status is 0).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from llm_gateway_client import told
from llm_gateway_client.errors import LLMGatewayError


class ManagementError(LLMGatewayError):
    """`field_errors` is by field, those inside of others by path: `{"models.0.model_id": ["..."]}`; what is about no
    single field stands under "non_field_errors". `body` is the answer's JSON, None where it has none.

    `retryable`: the same request may succeed later. A write that lost its connection may have been done.
    """

    def __init__(
        self,
        message: str,
        code: str = "internal_error",
        *,
        field_errors: dict[str, list[str]] | None = None,
        body: Any = None,
        **told_of_it: Any,
    ) -> None:
        super().__init__(message, code, **told_of_it)
        self.field_errors = field_errors or {}
        self.body = body


class InvalidFields(ManagementError):
    pass


class NotAuthenticated(ManagementError):
    pass


class NotPermitted(ManagementError):
    pass


class NotFound(ManagementError):
    pass


class Conflict(ManagementError):
    pass


class Changed(ManagementError):
    pass


_KINDS: Final[dict[int, tuple[type[ManagementError], str]]] = {
    400: (InvalidFields, "invalid_request"),
    401: (NotAuthenticated, "invalid_token"),
    403: (NotPermitted, "not_permitted"),
    404: (NotFound, "not_found"),
    409: (Conflict, "conflict"),
    412: (Changed, "changed"),
    429: (ManagementError, "rate_limit_exceeded"),
}
_PASSING: Final = frozenset({429, 502, 503, 504})


def of_response(status: int, headers: Mapping[str, str], data: bytes) -> ManagementError:
    """An answer that is no 2xx. `headers` have lower-case names."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    kind, code = _KINDS.get(status) or (ManagementError, _code(status))
    errors = dict(_field_errors(body))
    return kind(
        told.text(told.obj(body).get("detail")) or _words(errors) or f"The gateway answered with status {status}.",
        code,
        field_errors=errors,
        body=body,
        status=status,
        retryable=status in _PASSING,
        retry_after_seconds=told.number(headers.get("retry-after")),
        request_id=headers.get("x-request-id", ""),
    )


def unexpected(message: str, status: int) -> ManagementError:
    """A good status, and no answer of the gateway's: something else stands at its address."""
    return ManagementError(message, "unexpected_answer", status=status)


def _code(status: int) -> str:
    if status < 500:
        return "invalid_request" if status >= 400 else "unexpected_answer"
    return "unavailable" if status in _PASSING else "internal_error"


def _field_errors(body: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """A leaf is a list of texts."""
    if isinstance(body, list) and body and all(isinstance(item, str) for item in body):
        yield path or "non_field_errors", list(body)
    elif isinstance(body, list | dict):
        for name, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from _field_errors(value, f"{path}.{name}" if path else str(name))


def _words(errors: Mapping[str, list[str]]) -> str:
    return " ".join(f"{name}: {' '.join(said)}" for name, said in errors.items())
