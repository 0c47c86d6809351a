"""An adapter and a clock that do as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

from llm.observe.record import Sink
from llm.service import Call, Clock, Gateway
from llm.snapshot import Holder, Snapshot
from llm.spec import Request, Result, StreamSummary, Target, Usage
from llm.transport.base import Answer, Outbound
from tests.llm.service.snapshots import KEY

USAGE = Usage(input_tokens=12, output_tokens=3, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=1)


class NoTransport:
    async def send(self, outbound: Outbound) -> Answer:
        raise AssertionError("no call of this test reaches the network")

    async def aclose(self) -> None: ...


@dataclass
class Ticking:
    """A clock that stands still but where it is moved; `pauses` are the waits between attempts."""

    at: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.at, now=lambda: self.at, random=lambda: 0.0, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += seconds


Piece = bytes | BaseException | asyncio.Event


class ScriptedStream:
    """Pieces one after the other: bytes are given, errors raised, events waited for. `end` marks the finish."""

    def __init__(self, pieces: list[Piece], *, usage: Usage = USAGE) -> None:
        self.summary = StreamSummary()
        self.dropped: tuple[str, ...] = ("seed",)
        self.closed = 0
        self._pieces, self._usage = pieces, usage

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, BaseException):
                raise piece
            if isinstance(piece, asyncio.Event):
                await piece.wait()
                continue
            self.summary.usage = self._usage
            if piece.startswith(b"end"):
                self.summary.finished, self.summary.finish_reason = True, "stop"
            yield piece

    async def aclose(self) -> None:
        self.closed += 1


Outcome = Result | BaseException | asyncio.Event | ScriptedStream


class ScriptedAdapter:
    """Outcomes one after the other; `targets` are the attempts that it saw."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.targets: list[Target] = []
        self.asked = asyncio.Event()
        self._outcomes = list(outcomes)

    async def complete(self, request: Request, target: Target) -> Result:
        outcome = await self._next(target)
        assert isinstance(outcome, Result)
        return outcome

    async def stream(self, request: Request, target: Target) -> ScriptedStream:
        outcome = await self._next(target)
        assert isinstance(outcome, ScriptedStream)
        return outcome

    async def _next(self, target: Target) -> Outcome:
        self.targets.append(target)
        self.asked.set()
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, asyncio.Event):
            await outcome.wait()
            return await self._next(target)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def gateway(config: Snapshot | None, sink: Sink, adapter: ScriptedAdapter, ticking: Ticking | None = None) -> Gateway:
    clock = (ticking or Ticking()).clock()
    return Gateway(Holder(config), sink, NoTransport(), clock=clock, adapter_of=lambda kind, transport: adapter)


def result(body: bytes = b"{}", **changes: object) -> Result:
    return Result(body, USAGE, "stop", **changes)


def call(model: str = "m", *, stream: bool = False, **changes: object) -> Call:
    fields = {"messages": msgspec.Raw(b"[]")}
    request = Request("openai_chat", model, fields, stream=stream)
    known: dict[str, object] = {"headers": {"x-api-key": KEY}, **changes}
    return Call("chat/completions", request, **known)
