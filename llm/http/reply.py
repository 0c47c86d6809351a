"""Responses: heads with a call's trail, whole JSON, and errors in the dialect of the path.

A head's lines are as they go out, each with its end. Nothing that came from outside goes into one but by `typed` and
`_visible`, which let no line's end by, and as the caller's label, which holds none.
"""

from __future__ import annotations

import functools
import logging
import math
from typing import Final
from urllib.parse import quote

from llm import prices
from llm.dialects import hub
from llm.errors import GatewayError, InternalError
from llm.http.exchange import Exchange
from llm.spec import Dialect

logger = logging.getLogger(__name__)

JSON: Final = b"content-type: application/json\r\n"
EVENT_STREAM: Final = (
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\n"
    b"x-accel-buffering: no\r\n"  # nginx would gather the events
)
_NO_RETRY: Final = b"x-should-retry: false\r\n"
_RETRY: Final = b"x-should-retry: true\r\n"
_LINE_ENDS: Final = frozenset(b"\r\n\0")


def lines(exchange: Exchange, dialect: Dialect) -> bytes:
    """What is told in the head with every answer to this request; with a call, its trail as far as it is known."""
    label, call = exchange.request_id, exchange.call
    own = f"request-id: {label}\r\n" if dialect == "anthropic_messages" else ""
    if call is None:
        return f"x-request-id: {label}\r\n{own}".encode()
    info = call.info
    found = (
        f"x-request-id: {label}\r\n{own}x-gateway-call-id: {call.call_id}\r\n"
        f"x-gateway-overhead-ms: {info.overhead_ms:.3f}\r\n"
        f"{_way(info.attempts, info.revision, info.provider, info.model)}"
    )
    if info.cost_nano_usd is not None:
        found += f"x-gateway-cost-usd: {prices.in_usd(info.cost_nano_usd)}\r\n"
    if info.dropped:
        found += f"x-gateway-dropped: {','.join(map(_visible, info.dropped))}\r\n"
    return found.encode()


@functools.lru_cache(maxsize=512)
def _way(attempts: int, revision: int, provider: str, model: str) -> str:
    """What is the same for many calls."""
    found = f"x-gateway-attempts: {attempts}\r\nx-gateway-revision: {revision}\r\nx-gateway-cache: bypass\r\n"
    if not provider:
        return found
    return f"{found}x-gateway-provider: {_visible(provider)}\r\nx-gateway-model: {_visible(model)}\r\n"


@functools.lru_cache(maxsize=64)
def typed(content_type: str) -> bytes:
    """As a provider says it. RuntimeError where there is a line's end in it."""
    value = content_type.encode("latin-1", "replace")
    if not _LINE_ENDS.isdisjoint(value):
        raise RuntimeError("A header of the response holds a line's end.")
    return b"content-type: %b\r\n" % value


async def send_json(exchange: Exchange, dialect: Dialect, body: bytes, *, status: int = 200) -> None:
    await exchange.respond(status, JSON + lines(exchange, dialect), body)


async def fail(exchange: Exchange, error: Exception, dialect: Dialect, extra: bytes = b"") -> None:
    """What failed before a response has begun becomes one, a GatewayError as it is; after that it is raised again,
    whatever it is: half an answer is out, and the server cuts the connection."""
    refusal = error if isinstance(error, GatewayError) else InternalError("The gateway failed.")
    if isinstance(refusal, InternalError):
        names = {"call_id": exchange.call_id, "request_id": exchange.request_id}
        logger.error("a request failed unexpectedly", exc_info=error, extra=names)
    if exchange.started:
        raise error
    await _refuse(exchange, refusal, dialect, extra)


async def _refuse(exchange: Exchange, error: GatewayError, dialect: Dialect, extra: bytes) -> None:
    """The error as the dialect's envelope, with what the caller's SDK should do about it."""
    status = error.anthropic_status if dialect == "anthropic_messages" else error.status
    retry = error.should_retry or (error.status == 503 and error.retry_after is not None)
    found = JSON + lines(exchange, dialect) + (_RETRY if retry else _NO_RETRY) + extra
    if error.retry_after is not None or error.status in (429, 503):
        found += b"retry-after: %d\r\n" % math.ceil(error.retry_after or 1)
    await exchange.respond(status, found, hub.render_error(dialect, error, exchange.request_id))


@functools.lru_cache(maxsize=512)
def _visible(value: str) -> str:
    """Fit for a header: a model's name may be any text that a caller wrote."""
    return value if value.isascii() and value.isprintable() else quote(value, safe="/:@ ")
