"""One call of the playground: the same way through the gateway as a live call, told as server-sent events.

event: request   the request as curl and as Python
event: call      {call_id, url}: its page in the admin
data: {"content": "..."}                     pieces of the answer, where it is streamed
data: {"content": "...", "request_id": ...}  the whole answer, as POST /generate gives it
event: done      {provider, model, tokens, times, ...}
event: error     {message, code, status}: instead of `done`
: waiting        a comment in every second in which nothing comes
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.urls import reverse

from gateway_project.admin_site.waited import waited
from llm import sync
from llm.dialects.sse import data_event
from llm.errors import GatewayError, InternalError
from llm.http import calls
from llm.service import Call, Gateway, Reply, StreamReply
from llm.snapshot import Caller
from llm.spec import Request, Usage

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Ask:
    """`body` is that of a chat completion; `caller` the project that is charged, `user` who asks in the admin."""

    body: dict[str, Any] = field(repr=False)
    caller: Caller
    user: str


def event(name: str, value: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode(value))


def told(gateway: Gateway, ask: Ask, *, head: bytes = b"") -> Generator[bytes, None, None]:
    """The events of one call, in order. Closing it early is the caller's leaving."""
    call = _call(ask)
    url = reverse("admin:audit_call_change", args=[call.call_id])
    yield head + event("call", {"call_id": call.call_id, "url": url})
    try:
        yield from _answered(gateway, call)
    except GatewayError as error:
        yield _failed(error)
    except Exception:  # the door: the page must say that it is over, whatever it was
        log.exception("a call of the playground failed unexpectedly", extra={"call_id": call.call_id})
        yield _failed(InternalError("The gateway failed."))


def _call(ask: Ask) -> Call:
    async def read() -> Request:
        """Read inside the call, so that a wrong body leaves a record as over HTTP."""
        return calls.CHAT.parse(_encode(ask.body), {})

    return Call(
        endpoint=calls.CHAT.endpoint,
        request=read,
        caller=ask.caller,
        tags={"door": "playground"},
        end_user=ask.user,
    )


def _answered(gateway: Gateway, call: Call) -> Generator[bytes, None, None]:
    answer = yield from waited(gateway.answer(call), unwanted=_end)
    if isinstance(answer, Reply):
        yield data_event(calls.GENERATE.whole(answer, call))
        yield event("done", {**_facts(call, answer.usage), "finish_reason": answer.finish_reason})
        return
    first_token_ms = call.info.latency_ms  # a stream is handed out with its first piece
    yield from _pieces(answer, call)
    summary = answer.summary
    facts = _facts(call, summary.usage) | {"first_token_ms": first_token_ms, "finish_reason": summary.finish_reason}
    yield event("done", facts)


def _pieces(answer: StreamReply, call: Call) -> Generator[bytes, None, None]:
    pieces = calls.GENERATE.frames(answer, call)
    try:
        while piece := (yield from waited(_next(pieces))):
            yield piece
    finally:
        sync.run(answer.aclose())


async def _end(answer: Reply | StreamReply) -> None:
    if isinstance(answer, StreamReply):
        await answer.aclose()


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    return await anext(pieces, b"")


def _facts(call: Call, usage: Usage) -> dict[str, Any]:
    info = call.info
    return {
        "provider": info.provider,
        "model": info.model,
        "attempts": info.attempts,
        "revision": info.revision,
        "latency_ms": info.latency_ms,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "estimated": usage.estimated,
        "dropped": list(info.dropped),
    }


def _failed(error: GatewayError) -> bytes:
    return event("error", {"message": error.message, "code": error.code, "status": error.status})
