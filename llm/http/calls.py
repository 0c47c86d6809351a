"""The doors of live calls: read the body, make one call of the Gateway, send its answer, whole or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from llm.bodies import openai
from llm.bodies.surfaces import PARSERS
from llm.dialects import hub
from llm.errors import CallCancelled, GatewayError, InternalError
from llm.http import anthropic, generate, pieces, reply, responses, silence, surfaces, wishes
from llm.http.exchange import Exchange, going_down
from llm.http.incoming import Incoming, too_large
from llm.service import Call, Gateway, Info, Reply, StreamReply
from llm.spec import COUNT, Dialect, Request

_LONGEST_USER: Final = 512
_NO_TAGS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Door:
    """One endpoint: how its body is read, and how the answer is told where that is not in the request's dialect."""

    endpoint: str
    dialect: Dialect
    parse: Callable[[bytes, Mapping[str, str]], Request]
    end_user: Callable[[Request], str]
    whole: Callable[[Reply, Call], bytes] | None = None
    frames: Callable[[StreamReply, Call], AsyncIterator[bytes]] | None = None

    @property
    def refusals(self) -> Dialect:
        """The dialect of errors: that of the API."""
        return "anthropic_messages" if self.dialect == "anthropic_messages" else "openai_chat"

    async def read(self, incoming: Incoming, headers: Mapping[str, str]) -> Request:
        return self.parse(await incoming.read(), headers)


@dataclass(frozen=True, slots=True)
class FormDoor:
    """The same for a form, which is read no further than it must be."""

    endpoint: str
    read: Callable[[Incoming, Mapping[str, str]], Awaitable[Request]]
    end_user: Callable[[Request], str]
    dialect: Dialect = "openai_chat"
    refusals: Dialect = "openai_chat"
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


class _Received(Call):
    """A call as it came to its door. It and its exchange know each other until it is answered: no longer, else each
    would be a ring, whose memory only the garbage collector finds."""

    __slots__ = ("_body_limit", "_door", "_exchange")

    def __init__(self, exchange: Exchange, door: Door | FormDoor, body_limit: int) -> None:
        """Sets every field of a Call by itself: theirs go by keyword, and by a function for each default."""
        self.endpoint = door.endpoint
        self.request = self._read
        self.headers = exchange.head.headers
        self.project = self.caller = self.snapshot = self.timeout = None
        self.request_id = exchange.request_id
        self.session = self.end_user = ""
        self.tags = _NO_TAGS
        self.call_id = exchange.call_id
        self.info = Info()
        self._body_limit = body_limit
        self._door = door
        self._exchange = exchange
        exchange.call = self

    def interrupted(self) -> GatewayError:
        return CallCancelled("The caller left.") if self._exchange.left else going_down()

    async def _read(self) -> Request:
        exchange, door = self._exchange, self._door
        head, body = exchange.head, exchange.body
        if body is not None and isinstance(door, Door):
            if len(body) > self._body_limit:
                raise too_large(self._body_limit)
            request = door.parse(body, head.spoken)
        else:
            request = await door.read(exchange.incoming(self._body_limit), head.headers)
        self.request = request
        if head.wishes:
            wishes.read(self, head.headers)
        self.end_user = door.end_user(request)[:_LONGEST_USER]
        return request


async def _over() -> Request:
    raise InternalError("The call is over.")


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers calls by the Gateway of the moment. `body_limit` in bytes; a stream that is silent for `keep_alive`
    seconds gets a comment."""

    current: Callable[[], Gateway]
    body_limit: int
    keep_alive: float

    async def serve(self, exchange: Exchange, door: Door | FormDoor) -> None:
        """One call. What fails before the answer has begun is told as an error; a cancellation that is not the caller's
        leaving is the process going down, which is told too."""
        call: _Received | None = None
        try:
            gateway = self.current()
            call = _Received(exchange, door, self.body_limit)
            try:
                answer = await gateway.answer(call)
            except asyncio.CancelledError:
                if exchange.left:
                    raise
                raise going_down() from None
            if isinstance(answer, Reply):
                body = door.whole(answer, call) if door.whole else answer.body
                lines = reply.typed(answer.content_type) + reply.lines(exchange, door.dialect)
                await exchange.respond(200, lines, body)
            elif answer.relayed_as:
                await pieces.relay(exchange, call, answer)
            else:
                await self._relay(exchange, door, call, answer)
        except Exception as error:  # noqa: BLE001  # reason: whatever it is, the caller is told
            await reply.fail(exchange, error, door.refusals)
        finally:
            # Each of these would keep the whole call, its body too: until the next one, or until the collector comes.
            exchange.call = exchange.body = None
            if call is not None:
                call.request = _over

    async def _relay(self, exchange: Exchange, door: Door | FormDoor, call: Call, answer: StreamReply) -> None:
        """From its first byte on an answer's errors are told in-band, and never as a clean finish."""
        out = silence.Filled(exchange, self.keep_alive, numbered=door.dialect == "openai_responses")

        async def send() -> None:
            await exchange.start(200, reply.EVENT_STREAM + reply.lines(exchange, door.dialect))
            async with out:
                async for piece in door.frames(answer, call) if door.frames else answer:
                    await out.piece(piece)
                    if door.frames is None and out.put is not None:
                        await answer.flow(out.put)

        error = await pieces.ended(exchange, send(), call, answer)
        if isinstance(error, CallCancelled):
            return
        if error is not None:
            told = hub.render_stream_error(door.dialect, error, exchange.request_id, after=out.last)
            await exchange.piece(told)
        await exchange.finish()
