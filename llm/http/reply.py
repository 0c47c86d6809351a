"""Responses: headers with a call's trail, whole JSON, and errors in the dialect of the path."""

from __future__ import annotations

import functools
import math
from typing import Final
from urllib.parse import quote

from llm import prices
from llm.dialects import hub
from llm.errors import GatewayError
from llm.http.exchange import Exchange, Header
from llm.service import Call
from llm.spec import Dialect

JSON: Final[Header] = (b"content-type", b"application/json")
EVENT_STREAM: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would gather the events
)
_BYPASS: Final[Header] = (b"x-gateway-cache", b"bypass")
_NO_RETRY: Final[Header] = (b"x-should-retry", b"false")
_RETRY: Final[Header] = (b"x-should-retry", b"true")


def headers(exchange: Exchange, dialect: Dialect) -> list[Header]:
    """The headers of every answer to this request; with a call, its trail as far as it is known."""
    label = exchange.request_id.encode()
    found = [(b"x-request-id", label)]
    if dialect == "anthropic_messages":
        found.append((b"request-id", label))
    if exchange.call is not None:
        found += _trail(exchange.call)
    return found


def _trail(call: Call) -> list[Header]:
    info = call.info
    found = [
        (b"x-gateway-call-id", call.call_id.encode()),
        (b"x-gateway-attempts", b"%d" % info.attempts),
        (b"x-gateway-revision", b"%d" % info.revision),
        (b"x-gateway-overhead-ms", b"%.3f" % info.overhead_ms),
        _BYPASS,
    ]
    if info.provider:
        found += [(b"x-gateway-provider", _visible(info.provider)), (b"x-gateway-model", _visible(info.model))]
    if info.cost_nano_usd is not None:
        found.append((b"x-gateway-cost-usd", prices.in_usd(info.cost_nano_usd).encode()))
    if info.dropped:
        found.append((b"x-gateway-dropped", b",".join(map(_visible, info.dropped))))
    return found


async def send(exchange: Exchange, dialect: Dialect, body: bytes, content_type: str) -> None:
    """A whole answer of a call, of whatever type its provider says."""
    await exchange.respond(200, [typed(content_type), *headers(exchange, dialect)], body)


def typed(content_type: str) -> Header:
    return (b"content-type", content_type.encode("latin-1", "replace"))


async def send_json(exchange: Exchange, dialect: Dialect, body: bytes, *, status: int = 200) -> None:
    await exchange.respond(status, [JSON, *headers(exchange, dialect)], body)


async def refuse(exchange: Exchange, error: GatewayError, dialect: Dialect, *extra: Header) -> None:
    """The error as the dialect's envelope, with what the caller's SDK should do about it."""
    status = error.anthropic_status if dialect == "anthropic_messages" else error.status
    retry = error.should_retry or (error.status == 503 and error.retry_after is not None)
    found = [JSON, *headers(exchange, dialect), _RETRY if retry else _NO_RETRY, *extra]
    if error.retry_after is not None or error.status in (429, 503):
        found.append((b"retry-after", b"%d" % math.ceil(error.retry_after or 1)))
    await exchange.respond(status, found, hub.render_error(dialect, error, exchange.request_id))


@functools.lru_cache(maxsize=512)
def _visible(value: str) -> bytes:
    """Fit for a header: a model's name may be any text that a caller wrote."""
    return value.encode() if value.isascii() and value.isprintable() else quote(value, safe="/:@ ").encode()
