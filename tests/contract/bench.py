"""Where a scenario runs: one kind, one caller's dialect, a real transport, and the fake upstream behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import msgspec

from llm.adapters import adapter
from llm.adapters.answer_stream import Patience
from llm.errors import GatewayError
from llm.spec import Adapter, AnswerStream, Connection, Dialect, Request, Result, Target
from llm.transport.base import Transport
from tests.contract import chat_words, gemini_words, messages_words
from tests.contract.rows import Row
from tests.contract.talk import Heard, Talk
from tests.support import transports
from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import compact
from tests.support.upstream_behaviours import Behaviour
from tests.support.upstream_wire import Received

WORDS: dict[Dialect, ModuleType] = {
    "openai_chat": chat_words,
    "anthropic_messages": messages_words,
    "gemini": gemini_words,
}
CLEAN_ENDS = (b"[DONE]", b"message_stop", b'"finishReason"')
KEY = "sk-test"
PATIENCE = Patience(finish=0.2, drain=0.2)


@dataclass
class Broken:
    """How a stream failed: the error, and what the caller had got before it."""

    error: GatewayError
    given: bytes
    stream: AnswerStream


class Bench:
    def __init__(self, row: Row, caller: Dialect, upstream: FakeUpstream, transport: Transport) -> None:
        self.row = row
        self.caller = caller
        self.upstream = upstream
        kind: Any = type(adapter(row.kind, transport))
        self.adapter: Adapter = kind(transport, patience=PATIENCE)
        self.target = Target(
            provider_id="under-test",
            kind=row.kind,
            base_url=upstream.url + row.base if row.needs_upstream else "",
            model_id="served",
            key_id="default",
            secret=KEY if row.needs_upstream else None,
            connection=Connection(allow_private=True),
        )

    def request(self, talk: Talk, **headers: str) -> Request:
        fields = {name: msgspec.Raw(compact(value)) for name, value in self.body(talk).items()}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(self.caller, model="asked", fields=fields, stream=talk.stream, headers=named)

    def body(self, talk: Talk) -> dict[str, Any]:
        body: dict[str, Any] = WORDS[self.caller].write(talk)
        return body

    async def ask(self, talk: Talk, *behaviours: Behaviour, **target: Any) -> Result:
        self.upstream.script(*behaviours)
        return await self.adapter.complete(self.request(talk), replace(self.target, **target))

    async def hear(self, talk: Talk, *behaviours: Behaviour, **target: Any) -> Heard:
        return self.read((await self.ask(talk, *behaviours, **target)).body)

    def read(self, body: bytes) -> Heard:
        heard: Heard = WORDS[self.caller].read(body)
        return heard

    async def begin(self, talk: Talk, *behaviours: Behaviour, **target: Any) -> AnswerStream:
        self.upstream.script(*behaviours)
        return await self.adapter.stream(self.request(replace(talk, stream=True)), replace(self.target, **target))

    async def stream(self, talk: Talk, *behaviours: Behaviour) -> tuple[Heard, AnswerStream]:
        """The whole stream as the caller reads it."""
        stream = await self.begin(talk, *behaviours)
        given = b"".join([piece async for piece in stream])
        heard: Heard = WORDS[self.caller].fold(given)
        return heard, stream

    async def broken(self, talk: Talk, *behaviours: Behaviour, **target: Any) -> Broken:
        """A stream that must fail after its beginning, and must not look finished."""
        stream = await self.begin(talk, *behaviours, **target)
        given = b""
        try:
            async for piece in stream:
                given += piece
        except GatewayError as error:
            assert not any(end in given for end in CLEAN_ENDS), given
            return Broken(error, given, stream)
        raise AssertionError(f"the stream looks finished: {given!r}")

    @property
    def received(self) -> Received:
        """The latest request that the provider got."""
        return self.upstream.requests[-1]

    def understood(self) -> Talk:
        """The latest request as the provider reads it."""
        talk: Talk = WORDS[self.row.dialect].understand(self.received.json)
        return talk

    @property
    def temperature(self) -> object:
        """The temperature of the latest request, where the provider reads it."""
        return WORDS[self.row.dialect].temperature(self.received.json)


@asynccontextmanager
async def open_bench(row: Row, caller: Dialect, transport_kind: str = "lean", **upstream: Any) -> AsyncIterator[Bench]:
    async with FakeUpstream(**upstream) as fake:
        transport = transports.transport(transport_kind)
        try:
            yield Bench(row, caller, fake, transport)
        finally:
            await transport.aclose()
