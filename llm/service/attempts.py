"""The attempts of one call: through its plan until one succeeds or none is left.

For each: is it barred by now, then the adapter, then what the failure means for the next one (`llm.policies.retry`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from llm.errors import GatewayError
from llm.policies import capability
from llm.policies.board import Board
from llm.policies.plan import Bar, Plan
from llm.policies.retry import Step, Walk
from llm.service import hedge
from llm.service.attempt import Attempt
from llm.service.clock import Clock
from llm.service.guard import Terms, opening, refuse_filtered
from llm.service.target import target_of
from llm.service.turn import Turn
from llm.snapshot import RoutePolicy
from llm.spec import DIALECT_OF_SURFACE, Adapter, AnswerStream, Request, Result, Target

_SHORTEST_WAIT: Final = 0.01


@dataclass(slots=True)
class Opened:
    """A stream that has begun: `first` is what of it was held back so far, `pieces` gives the rest."""

    stream: AnswerStream
    pieces: AsyncIterator[bytes]
    first: bytes
    relayed_as: str = ""

    @property
    def dropped(self) -> tuple[str, ...]:
        return self.stream.dropped


class Attempts:
    """One per Gateway. `adapter_of` gives the adapter of a kind."""

    def __init__(self, board: Board, clock: Clock, adapter_of: Callable[[str], Adapter]) -> None:
        self._board = board
        self._clock = clock
        self._adapter_of = adapter_of
        self._hedges = hedge.Shares()

    async def run(self, turn: Turn, plan: Plan) -> Result | Opened:
        """Raises the error of the last attempt, or what says that none could be made. The call's trail is the
        successful attempt's."""
        failure: GatewayError | None = None
        if plan.candidates and not plan.cooling and plan.policy.hedge is None and not self._board.troubled:
            limit, step = turn.call.timeout, Step(plan.candidates[0])  # most calls need no walk to find their way
            budget = plan.budget if limit is None else min(limit, plan.budget)
            try:
                return await self._ask(turn, turn.begin(step, self._board), plan.policy, budget)
            except GatewayError as error:
                failure = error
        walk = Walk(plan, random=self._clock.random, now=turn.created_at, limit=turn.call.timeout)
        try:
            return await self._walked(turn, plan, walk, walk.first(elapsed=turn.elapsed), failure)
        finally:
            failure = None  # by its traceback it would hold itself, and all of the call

    async def _walked(
        self, turn: Turn, plan: Plan, walk: Walk, step: Step | None, failure: GatewayError | None
    ) -> Result | Opened:
        """From this step on; or, where it has failed already, from the next one on."""
        assert turn.request is not None
        if failure is not None:
            step = walk.after(failure, elapsed=turn.elapsed) if turn.request.repeatable else None
        hedged = plan.policy.hedge is not None and turn.request.form is None  # an upload goes one way only
        while step is not None:
            if step.delay:
                await turn.wait(step)
            if self._board.troubled and turn.call.snapshot is None:
                now = self._clock.now()
                bar = self._board.bar(step.candidate, now)
                if bar is not None and bar.waits and bar.until > now:  # other calls met its limit meanwhile
                    elapsed = turn.elapsed
                    step = walk.postponed(until=elapsed + max(bar.until - now, _SHORTEST_WAIT), elapsed=elapsed)
                    continue
                if await self._is_barred(turn, step, bar):
                    step = walk.passed_over(elapsed=turn.elapsed)
                    continue
            try:
                if hedged and not step.delay:
                    return await self._hedged(turn, plan, walk, step)
                return await self._ask(turn, turn.begin(step, self._board), plan.policy, walk.budget)
            except GatewayError as error:
                failure = error
                step = walk.after(error, elapsed=turn.elapsed) if turn.request.repeatable else None
        try:
            raise walk.conclude(failure, elapsed=turn.elapsed)
        finally:
            failure = None

    async def _hedged(self, turn: Turn, plan: Plan, walk: Walk, step: Step) -> Result | Opened:
        """A second attempt where the first is slow, and the share of the route allows it."""
        after = self._board.first_token_p95(step.candidate)
        if after is None or not self._hedges.called(plan):
            return await self._ask(turn, turn.begin(step, self._board), plan.policy, walk.budget)

        async def other() -> Attempt | None:
            if not self._hedges.take(plan):  # before the claim of a probe, which only an attempt gives back
                return None
            found = walk.hedge(elapsed=turn.elapsed)
            if found is None or (self._board.troubled and await self._is_barred(turn, found, self._bar(found))):
                self._hedges.give_back(plan)
                return None
            return turn.begin(found, self._board)

        race = hedge.Race(turn, lambda attempt: self._ask(turn, attempt, plan.policy, walk.budget), discard=_discard)
        return await race.run(turn.begin(step, self._board), other, after=after)

    def _bar(self, step: Step) -> Bar | None:
        return self._board.bar(step.candidate, self._clock.now())

    async def _is_barred(self, turn: Turn, step: Step, bar: Bar | None) -> bool:
        """Things may have changed since the plan was made: what is broken by now, or half-open with another call as its
        probe, is passed over."""
        if bar is not None and not bar.waits:
            reason = bar.reason
        elif await self._board.claim(step.candidate, step):
            return False
        else:
            reason = "half open: another call is the probe"
        turn.passed_over(step, reason)
        return True

    async def _ask(self, turn: Turn, attempt: Attempt, policy: RoutePolicy, budget: float) -> Result | Opened:
        """One attempt. One that fails is ended."""
        candidate = attempt.candidate
        try:
            target, attempt.own_time = target_of(candidate, policy, remaining=budget - attempt.began)
            adapter = self._adapter_of(target.kind)
            request = turn.request
            assert request is not None
            if request.surface or candidate.model.capabilities or policy.unsupported == "refuse":
                request = _made_to_fit(request, attempt, policy, adapter)
            if request.stream:
                return await self._opened(turn, attempt, policy, target, await adapter.stream(request, target))
            if not request.surface:
                result = await adapter.complete(request, target)
                attempt.usage = result.usage
                if policy.content_filter_fallback:
                    refuse_filtered(result.finish_reason)
                return result
            answer = await adapter.relay(request, target)
            if isinstance(answer, Result):
                attempt.usage = answer.usage
                return answer
            return await self._opened(turn, attempt, policy, target, answer, relayed_as=answer.content_type)
        except GatewayError as error:
            turn.attempt_failed(attempt, error)
            raise

    async def _opened(
        self,
        turn: Turn,
        attempt: Attempt,
        policy: RoutePolicy,
        target: Target,
        stream: AnswerStream,
        *,
        relayed_as: str = "",
    ) -> Opened:
        """A stream that fails before it has begun has told the caller nothing: it can still be tried elsewhere."""
        assert turn.request is not None
        terms = Terms(
            dialect=None if relayed_as else turn.request.dialect,
            guard=policy.stream_guard,
            first_token=target.timeouts.first_byte - (turn.elapsed - attempt.began),
            begun=lambda: attempt.first_token(turn.elapsed),
            refuse_filtered=policy.content_filter_fallback,
        )
        try:
            pieces = aiter(stream)
            found = await opening(stream, pieces, terms)
        except BaseException:
            attempt.usage = stream.summary.usage
            await stream.aclose()
            raise
        attempt.usage = stream.summary.usage
        return Opened(stream, pieces, found.data, relayed_as)


async def _discard(answer: Result | Opened) -> None:
    """What came second."""
    if isinstance(answer, Opened):
        await answer.stream.aclose()


def _made_to_fit(request: Request, attempt: Attempt, policy: RoutePolicy, adapter: Adapter) -> Request:
    """The request as this model gets it: without what it has no use for; as a conversation where it is one and the kind
    does not have its surface."""
    strict = policy.unsupported == "refuse"
    request, attempt.left_out = capability.without(request, attempt.candidate.model, strict=strict)
    if strict:
        request = msgspec.structs.replace(request, strict=True)
    if not request.surface or adapter.serves(request.surface):
        return request
    return msgspec.structs.replace(request, surface="", dialect=DIALECT_OF_SURFACE[request.surface])
