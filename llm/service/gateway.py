"""The Gateway: the whole way of a call, policies called by name in reading order, settled in one `finally`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from llm import adapters
from llm.errors import GatewayError, InvalidRequest, UpstreamMalformed
from llm.observe.record import Sink
from llm.policies import authenticate, capability, retry, route
from llm.policies.plan import Candidate, Plan
from llm.service import meter
from llm.service.call import Call, Reply
from llm.service.clock import Clock
from llm.service.stream import StreamReply
from llm.service.target import target_of
from llm.service.turn import Turn
from llm.snapshot import Caller, Holder, Snapshot
from llm.spec import DIALECT_OF_SURFACE, Adapter, AnswerStream, Request, Result, Target
from llm.transport.base import Transport

T = TypeVar("T")
Verb = Callable[[Adapter, Request, Target], Awaitable[T]]
AdapterOf = Callable[[str, Transport], Adapter]


class Gateway:
    """One per process, used on one event loop.

    All verbs raise a GatewayError for all that may go wrong with a call. Every call leaves exactly one record in
    `sink`, before its answer is acknowledged; where the sink refuses it, the call fails with RecordNotWritten.
    `adapter_of` makes the adapter of a kind.
    """

    def __init__(
        self,
        holder: Holder,
        sink: Sink,
        transport: Transport,
        *,
        clock: Clock | None = None,
        adapter_of: AdapterOf | None = None,
    ) -> None:
        self.holder = holder
        self._sink = sink
        self._clock = clock or Clock()
        self._transport = meter.MeteredTransport(transport, self._clock.monotonic)
        self._adapter_of = adapter_of or adapters.adapter
        self._adapters: dict[str, Adapter] = {}

    async def answer(self, call: Call) -> Reply | StreamReply:
        """Whole or streamed, as the request asks."""
        turn = Turn(call, self._clock)
        meter.use(turn.meter)
        streaming = False
        try:
            snapshot = call.snapshot or self.holder.current
            turn.info.revision = snapshot.revision
            turn.caller = self._identify(call, snapshot)
            turn.request = request = call.request if isinstance(call.request, Request) else await call.request()
            plan = self._plan(snapshot, turn.caller, request)
            turn.route = plan.route
            result = await self._attempts(turn, plan, self._verb(turn, request))
            if isinstance(result, StreamReply):
                streaming = turn.answering = True
                turn.measure()
                return result
            turn.info.dropped = turn.left_out + result.dropped
            turn.succeed(result.usage)
        except BaseException as error:
            turn.fail(error)
            raise
        finally:
            if not streaming:
                turn.settle(self._sink)
        return Reply(result.body, result.usage, result.finish_reason, turn.info, result.content_type)

    async def complete(self, call: Call) -> Reply:
        """A whole answer. InvalidRequest where the request asks for a stream."""
        reply = await self.answer(_expecting(call, stream=False))
        assert isinstance(reply, Reply)
        return reply

    async def stream(self, call: Call) -> StreamReply:
        """An answer under way: iterate it, then always `aclose` it. InvalidRequest where no stream is asked for."""
        reply = await self.answer(_expecting(call, stream=True))
        assert isinstance(reply, StreamReply)
        return reply

    def caller(self, headers: dict[str, str]) -> tuple[Snapshot, Caller]:
        """Who calls, and the configuration of this moment: for doors that only list what a key may use."""
        snapshot = self.holder.current
        return snapshot, authenticate.by_key(snapshot, headers, now=self._clock.now())

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _identify(self, call: Call, snapshot: Snapshot) -> Caller:
        if call.caller is not None:
            return call.caller
        if call.project is not None:
            return authenticate.by_project(snapshot, call.project)
        return authenticate.by_key(snapshot, call.headers, now=self._clock.now())

    def _plan(self, snapshot: Snapshot, caller: Caller, request: Request) -> Plan:
        plan = route.plan(snapshot, caller, request.model, now=self._clock.now(), random=self._clock.random)
        return self._serving(plan, request.surface) if request.surface else capability.kept(plan, request)

    def _serving(self, plan: Plan, surface: str) -> Plan:
        """Only the candidates whose kind has this surface. InvalidRequest where none has."""
        if surface in DIALECT_OF_SURFACE:
            return plan

        def kept(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
            return tuple(one for one in candidates if self._adapter(one.upstream.kind).serves(surface))

        left = replace(plan, candidates=kept(plan.candidates), fallbacks=kept(plan.fallbacks))
        if not left.candidates and not left.fallbacks:
            raise InvalidRequest(f"The provider of this model does not serve '{surface}'.", param="model")
        return left

    def _verb(self, turn: Turn, request: Request) -> Verb[Result | StreamReply]:
        if request.stream:
            return self._begin_stream(turn)
        return self._begin_relay(turn) if request.surface else _complete

    async def _attempts(self, turn: Turn, plan: Plan, verb: Verb[T]) -> T:
        """Goes through the plan until one attempt succeeds or none is left."""
        assert turn.request is not None
        walk = retry.Walk(plan, random=self._clock.random)
        step = walk.first()
        while True:
            turn.attempt(step)
            target = target_of(step.candidate, plan.policy, remaining=walk.budget - turn.elapsed)
            try:
                adapter = self._adapter(target.kind)
                request, turn.left_out = capability.without(turn.request, step.candidate.model)
                return await verb(adapter, _fitting(request, adapter), target)
            except GatewayError as error:
                turn.attempt_failed(error)
                following = walk.after(error, elapsed=turn.elapsed) if turn.request.repeatable else None
                if following is None:
                    walk.conclude(error)
                    raise
                step = following
            if step.delay:
                turn.meter.waited += step.delay
                await self._clock.sleep(step.delay)

    def _begin_stream(self, turn: Turn) -> Verb[StreamReply]:
        async def begin(adapter: Adapter, request: Request, target: Target) -> StreamReply:
            """A stream that fails before its first event has told the caller nothing: it can still be retried."""
            return await self._begun(turn, await adapter.stream(request, target))

        return begin

    def _begin_relay(self, turn: Turn) -> Verb[Result | StreamReply]:
        async def begin(adapter: Adapter, request: Request, target: Target) -> Result | StreamReply:
            if not request.surface:
                return await adapter.complete(request, target)
            answer = await adapter.relay(request, target)
            if isinstance(answer, Result):
                return answer
            return await self._begun(turn, answer, relayed_as=answer.content_type)

        return begin

    async def _begun(self, turn: Turn, stream: AnswerStream, *, relayed_as: str = "") -> StreamReply:
        try:
            pieces = aiter(stream)
            first = await _first_piece(pieces)
        except BaseException:
            turn.usage = stream.summary.usage
            await stream.aclose()
            raise
        turn.first_byte()
        turn.info.dropped = turn.left_out + stream.dropped
        return StreamReply(turn, stream, pieces=pieces, first=first, sink=self._sink, relayed_as=relayed_as)

    def _adapter(self, kind: str) -> Adapter:
        adapter = self._adapters.get(kind)
        if adapter is None:
            adapter = self._adapters[kind] = self._adapter_of(kind, self._transport)
        return adapter


def _fitting(request: Request, adapter: Adapter) -> Request:
    """As it is, or as a conversation where it is one and the kind does not have its surface."""
    if not request.surface or adapter.serves(request.surface):
        return request
    return replace(request, surface="", dialect=DIALECT_OF_SURFACE[request.surface])


async def _complete(adapter: Adapter, request: Request, target: Target) -> Result:
    return await adapter.complete(request, target)


async def _first_piece(pieces: AsyncIterator[bytes]) -> bytes:
    async for piece in pieces:
        if piece:
            return piece
    raise UpstreamMalformed("The provider's answer ended before it began.")


def _expecting(call: Call, *, stream: bool) -> Call:
    given = call.request

    async def read() -> Request:
        request = given if isinstance(given, Request) else await given()
        if request.stream != stream:
            raise InvalidRequest(f"The field 'stream' must be {str(stream).lower()} here.", param="stream")
        return request

    call.request = read
    return call
