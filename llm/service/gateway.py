"""The Gateway: the whole way of a call, policies called by name in reading order, settled in one `finally`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llm import adapters
from llm.errors import GatewayError, InvalidRequest
from llm.observe.record import Sink
from llm.policies import authenticate, route
from llm.policies.board import Board
from llm.policies.decide import at_once, decide
from llm.policies.plan import Conditions, Plan
from llm.service import meter
from llm.service.attempts import Attempts, Opened
from llm.service.call import Call, Reply
from llm.service.clock import Clock
from llm.service.stream import StreamReply
from llm.service.turn import Turn
from llm.snapshot import Caller, Holder, Snapshot
from llm.spec import Adapter, Request
from llm.transport.base import Transport

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
        board: Board | None = None,
    ) -> None:
        self.holder = holder
        self._sink = sink
        self._clock = clock or Clock()
        self._transport = meter.MeteredTransport(transport, self._clock.monotonic)
        self._adapter_of = adapter_of or adapters.adapter
        self._adapters: dict[str, Adapter] = {}
        self.board = board or Board()
        self._attempts = Attempts(self.board, self._clock, self._adapter)

    async def answer(self, call: Call) -> Reply | StreamReply:
        """Whole or streamed, as the request asks."""
        turn = Turn(call, self._clock)
        meter.use(turn.meter)
        streaming = False
        try:
            snapshot = call.snapshot or self.holder.current
            turn.info.revision = snapshot.revision
            turn.caller = call.caller or _identified(call, snapshot, now=turn.created_at)
            turn.request = request = call.request if isinstance(call.request, Request) else await call.request()
            conditions = self.board if call.snapshot is None else route.CALM
            plan = at_once(snapshot, turn.caller, request, conditions) or self._decide(turn, snapshot, conditions)
            turn.planned(plan)
            if plan.error is not None:
                raise _refusal(plan)
            found = await self._attempts.run(turn, plan)
            attempt = turn.attempt
            turn.info.dropped = attempt.left_out + found.dropped if attempt is not None else found.dropped
            if isinstance(found, Opened):
                streaming = turn.answering = True
                return self._under_way(turn, found)
            turn.succeed(found.usage)
        except BaseException as error:
            turn.fail(error)
            raise
        finally:
            if not streaming:
                turn.settle(self._sink)
        return Reply(found.body, found.usage, found.finish_reason, turn.info, found.content_type)

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

    def caller(self, headers: Mapping[str, str]) -> tuple[Snapshot, Caller]:
        """Who calls, and the configuration of this moment: for doors that only list what a key may use."""
        snapshot = self.holder.current
        return snapshot, authenticate.by_key(snapshot, headers, now=self._clock.now())

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _under_way(self, turn: Turn, found: Opened) -> StreamReply:
        turn.measure()
        pieces, first, relayed_as = found.pieces, found.first, found.relayed_as
        return StreamReply(turn, found.stream, pieces=pieces, first=first, sink=self._sink, relayed_as=relayed_as)

    def _decide(self, turn: Turn, snapshot: Snapshot, conditions: Conditions) -> Plan:
        assert turn.caller is not None and turn.request is not None
        return decide(
            snapshot,
            turn.caller,
            turn.request,
            now=self._clock.now(),
            random=self._clock.random,
            conditions=conditions,
            session=turn.call.session,
            serves=self._serves,
        )

    def _serves(self, kind: str, surface: str) -> bool:
        return self._adapter(kind).serves(surface)

    def _adapter(self, kind: str) -> Adapter:
        adapter = self._adapters.get(kind)
        if adapter is None:
            adapter = self._adapters[kind] = self._adapter_of(kind, self._transport)
        return adapter


def _refusal(plan: Plan) -> GatewayError:
    """Taken out of the plan: the error's traceback holds the plan, which must not hold the error."""
    error = plan.error
    assert error is not None
    object.__setattr__(plan, "error", None)
    return error


def _identified(call: Call, snapshot: Snapshot, *, now: float) -> Caller:
    if call.project is not None:
        return authenticate.by_project(snapshot, call.project)
    return authenticate.by_key(snapshot, call.headers, now=now)


def _expecting(call: Call, *, stream: bool) -> Call:
    given = call.request

    async def read() -> Request:
        request = given if isinstance(given, Request) else await given()
        if request.stream != stream:
            raise InvalidRequest(f"The field 'stream' must be {str(stream).lower()} here.", param="stream")
        return request

    call.request = read
    return call
