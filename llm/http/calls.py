"""The doors of live calls: read the body, make one call of the Gateway, send its answer, whole or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from llm.bodies import openai
from llm.bodies.surfaces import PARSERS
from llm.dialects import hub
from llm.errors import CallCancelled, GatewayError
from llm.http import anthropic, generate, pieces, reply, responses, silence, surfaces, wishes
from llm.http.exchange import Exchange, Leaving, going_down
from llm.http.incoming import Incoming, too_large
from llm.service import Call, Gateway, Reply, StreamReply
from llm.spec import COUNT, Dialect, Request

_LONGEST_USER: Final = 512


@dataclass(frozen=True, slots=True)
class Door:
    """One endpoint: how its body is read, and how the answer is told where that is not in the request's dialect."""

    endpoint: str
    dialect: Dialect
    parse: Callable[[bytes, Mapping[str, str]], Request]
    end_user: Callable[[Request], str]
    whole: Callable[[Reply, Call], bytes] | None = None
    frames: Callable[[StreamReply, Call], AsyncIterator[bytes]] | None = None

    async def read(self, incoming: Incoming, headers: Mapping[str, str]) -> Request:
        return self.parse(await incoming.read(), headers)


@dataclass(frozen=True, slots=True)
class FormDoor:
    """The same for a form, which is read no further than it must be."""

    endpoint: str
    read: Callable[[Incoming, Mapping[str, str]], Awaitable[Request]]
    end_user: Callable[[Request], str]
    dialect: Dialect = "openai_chat"
    whole: None = None
    frames: None = None


CHAT: Final = Door("chat/completions", "openai_chat", openai.parse, openai.end_user)
RESPONSES: Final = Door("responses", "openai_responses", responses.parse, responses.end_user)
MESSAGES: Final = Door("messages", "anthropic_messages", anthropic.parse, anthropic.end_user)
COUNT_TOKENS: Final = Door(COUNT, "anthropic_messages", anthropic.parse_count, anthropic.end_user)
GENERATE: Final = Door(
    "generate", "openai_chat", generate.parse, generate.end_user, whole=generate.whole, frames=generate.frames
)
SURFACES: Final[Mapping[str, Door | FormDoor]] = {
    **{f"/v1/{name}": Door(name, "openai_chat", parse, openai.end_user) for name, parse in PARSERS.items()},
    **{f"/v1/{name}": FormDoor(name, read, openai.end_user) for name, read in surfaces.FORMS.items()},
}


class _Serving:
    """One call at its door. It and the call know each other only until the request is read: else each call would be a
    ring, whose memory only the garbage collector finds."""

    __slots__ = ("_body_limit", "_door", "_exchange", "_leaving", "call")

    def __init__(self, exchange: Exchange, door: Door | FormDoor, leaving: Leaving, body_limit: int) -> None:
        self._exchange = exchange
        self._door = door
        self._leaving = leaving
        self._body_limit = body_limit
        self.call = exchange.call = Call(
            endpoint=door.endpoint,
            request=self._read,
            headers=exchange.headers,
            request_id=exchange.request_id,
            call_id=exchange.call_id,
            interrupted=leaving.reason,
        )

    async def _read(self) -> Request:
        exchange, door, call = self._exchange, self._door, self.call
        body = exchange.body
        if body is not None and isinstance(door, Door):
            if len(body) > self._body_limit:
                raise too_large(self._body_limit)
            request = door.parse(body, exchange.headers)
        else:
            request = await door.read(exchange.incoming(self._body_limit, whole=self._leaving.watch), exchange.headers)
        call.request = request
        wishes.read(call, exchange.headers)
        call.end_user = door.end_user(request)[:_LONGEST_USER]
        return request


async def serve(
    exchange: Exchange,
    current: Callable[[], Gateway],
    door: Door | FormDoor,
    *,
    body_limit: int,
    keep_alive: float = silence.SECONDS,
) -> None:
    """One call of the `current` Gateway; a stream that is silent for `keep_alive` seconds gets a comment. Raises what
    fails before the answer has begun; a caller that leaves ends it quietly. A cancellation from elsewhere is the
    process going down: that is told."""
    gateway = current()
    with exchange.leaving() as leaving:
        call = _Serving(exchange, door, leaving, body_limit).call
        try:
            answer = await gateway.answer(call)
        except asyncio.CancelledError:
            if leaving.left:
                raise
            raise going_down() from None
        if isinstance(answer, Reply):
            body = door.whole(answer, call) if door.whole else answer.body
            await reply.send(exchange, door.dialect, body, answer.content_type)
        elif answer.relayed_as:
            await pieces.relay(exchange, call, answer, leaving)
        else:
            await _relay(exchange, door, call, answer, leaving, keep_alive)


async def _relay(
    exchange: Exchange, door: Door | FormDoor, call: Call, answer: StreamReply, leaving: Leaving, keep_alive: float
) -> None:
    """From its first byte on an answer's errors are told in-band, and never as a clean finish."""
    out = silence.Filled(exchange, keep_alive)

    async def send() -> None:
        await exchange.start(200, [*reply.EVENT_STREAM, *reply.headers(exchange, door.dialect)])
        async with out:
            async for piece in door.frames(answer, call) if door.frames else answer:
                await out.piece(piece)
                if door.frames is None and exchange.put is not None:
                    await answer.flow(out.put)

    error = await pieces.ended(send(), call, answer, leaving)
    if isinstance(error, CallCancelled):
        return
    if error is not None:
        await _tell(exchange, door, error, after=out.last)
    await exchange.finish()


async def _tell(exchange: Exchange, door: Door | FormDoor, error: GatewayError, *, after: bytes) -> None:
    await exchange.piece(hub.render_stream_error(door.dialect, error, exchange.request_id, after=after))
