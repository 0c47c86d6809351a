"""Hedging: where the first attempt is slow, a second one is begun elsewhere; the first answer wins, the loser is ended.

Opt-in by a route, and bounded: of a route's calls no more than a share gets a second attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from llm.errors import GatewayError
from llm.policies.plan import Plan
from llm.service import meter
from llm.service.attempt import Attempt
from llm.service.turn import Turn

T = TypeVar("T")
_MOST_ROUTES: Final = 4096
_MOST_SAVED: Final = 5.0


class Shares:
    """How many hedges each route may still make: each call adds its share, each hedge takes one. What is saved up is
    bounded, so that a bad hour does not double the calls."""

    def __init__(self) -> None:
        self._left: dict[str, float] = {}

    def called(self, plan: Plan) -> bool:
        """A call of this route begins; true where a hedge could be had for it."""
        assert plan.policy.hedge is not None
        if len(self._left) >= _MOST_ROUTES and plan.route not in self._left:
            self._left.clear()
        left = min(self._left.get(plan.route, 0.0) + plan.policy.hedge.max_share, _MOST_SAVED)
        self._left[plan.route] = left
        return left >= 1

    def take(self, plan: Plan) -> bool:
        left = self._left.get(plan.route, 0.0)
        if left < 1:
            return False
        self._left[plan.route] = left - 1
        return True

    def give_back(self, plan: Plan) -> None:
        """There was nobody to ask."""
        self._left[plan.route] = min(self._left.get(plan.route, 0.0) + 1, _MOST_SAVED)


class Race(Generic[T]):
    """`ask` makes an attempt, and ends it where it fails with a GatewayError. `discard` gets an answer that came too
    late. The turn follows the winner."""

    def __init__(
        self, turn: Turn, ask: Callable[[Attempt], Awaitable[T]], *, discard: Callable[[T], Awaitable[None]]
    ) -> None:
        self._turn = turn
        self._ask = ask
        self._discard = discard
        self._running: dict[asyncio.Task[T], Attempt] = {}
        self._begun: list[Attempt] = []

    async def run(self, first: Attempt, other: Callable[[], Awaitable[Attempt | None]], *, after: float) -> T:
        """`other` begins the second attempt, or not, once the first has taken `after` seconds. Raises the first
        attempt's error where both fail."""
        try:
            self._begin(first, metered=True)
            await asyncio.wait(self._running, timeout=after)
            if not any(task.done() for task in self._running):
                second = await other()
                if second is not None:
                    self._begin(second, metered=False)
            answer = await self._winner(first)
        except BaseException:
            await self._end_rest()
            raise
        try:
            await self._end_rest()
        except BaseException:  # reason: the caller goes just now: nobody takes the answer
            await self._discard(answer)
            raise
        return answer

    def _begin(self, attempt: Attempt, *, metered: bool) -> None:
        async def ask() -> T:
            if not metered:  # two waits at the same time are one
                meter.use(meter.Meter())
            return await self._ask(attempt)

        self._begun.append(attempt)
        self._running[asyncio.get_running_loop().create_task(ask())] = attempt

    async def _winner(self, first: Attempt) -> T:
        errors: dict[Attempt, GatewayError] = {}
        while self._running:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                attempt = self._running.pop(task)
                error = None if task.cancelled() else task.exception()
                if isinstance(error, GatewayError):
                    errors[attempt] = error
                    continue
                self._turn.follow(attempt)  # also where it has a defect: the call ends as it does
                return task.result()
        self._turn.follow(first)
        raise errors[first]

    async def _end_rest(self) -> None:
        """The loser, or both where the caller has gone. Whatever comes between, none is left under way."""
        losers, self._running = self._running, {}
        for task in losers:
            task.cancel()
        try:
            if losers:
                await asyncio.wait(losers)
            for task in losers:
                if not task.cancelled() and task.exception() is None:
                    await self._discard(task.result())
        finally:
            for attempt in self._begun:
                if attempt is not self._turn.attempt:
                    self._turn.attempt_failed(attempt, asyncio.CancelledError())
