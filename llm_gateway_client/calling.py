"""One call through a door, with the client's own limit of time and its repetitions.

The gateway has its own attempts and says when they are used up. So a call is repeated only where the door says that it
may be (`should_retry`: the gateway asks for it, or nothing of the call has left this process), and never once a piece
of its answer is here: no answer is paid for twice behind the caller's back.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

from llm_gateway_client.door import Answer, Door, Wishes
from llm_gateway_client.errors import GatewayFailure

T = TypeVar("T")
# The gateway keeps the limit too, where it can: its own word for what went wrong is the better one.
SLACK_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Caller:
    """`timeout_seconds` bounds a call, its repetitions included, whose own wishes have no limit."""

    door: Door
    max_retries: int
    timeout_seconds: float

    async def call(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> Answer:
        limit = _Limit(wishes, self.timeout_seconds)
        attempt = 0
        while True:
            try:
                return await limit.keep(self.door.call(endpoint, body, limit.left()))
            except GatewayFailure as failure:
                await self._pause(failure, attempt, limit)
            attempt += 1

    async def stream(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks. Always close it."""
        limit = _Limit(wishes, self.timeout_seconds)
        attempt = 0
        while True:
            begun = False
            try:
                # A door's stream is a generator in all but name.
                given = cast(AsyncGenerator[dict[str, Any], None], self.door.stream(endpoint, body, limit.left()))
                async with aclosing(given) as chunks:
                    while (chunk := await limit.keep(anext(chunks, None))) is not None:
                        begun = True
                        yield chunk
                return
            except GatewayFailure as failure:
                if begun:
                    raise
                await self._pause(failure, attempt, limit)
            attempt += 1

    async def _pause(self, failure: GatewayFailure, attempt: int, limit: _Limit) -> None:
        """Until the call may be repeated. Raises the failure where it may not, or not in time."""
        seconds = pause(failure, attempt, spread=random.random())
        if seconds is None or attempt >= self.max_retries or seconds >= limit.seconds_left():
            raise failure
        await asyncio.sleep(seconds)


def pause(failure: GatewayFailure, attempt: int, *, spread: float) -> float | None:
    """Seconds to wait before a failed call is repeated; None: it is not. `attempt` counts from 0, `spread` is in
    [0, 1)."""
    if not failure.should_retry:
        return None
    if failure.retry_after_seconds is not None:
        # A caller that waits here holds what it holds: longer waits are its own decision.
        wanted = failure.retry_after_seconds
        return wanted if wanted <= LONGEST_PAUSE_SECONDS else None
    return float(_FIRST_PAUSE_SECONDS * 2**attempt * (1 + spread))


class _Limit:
    """The time that one call has. Made when it begins."""

    def __init__(self, wishes: Wishes, otherwise: float) -> None:
        self._wishes = wishes
        self._seconds = wishes.timeout_seconds or otherwise
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + self._seconds

    def seconds_left(self) -> float:
        return self._end - self._loop.time()

    def left(self) -> Wishes:
        """The wishes, with the time that is left."""
        if self._wishes.timeout_seconds is None:
            return self._wishes
        return replace(self._wishes, timeout_seconds=max(self.seconds_left(), 0.001))

    async def keep(self, step: Awaitable[T]) -> T:
        """GatewayFailure (upstream_timeout) past the limit; the step is cancelled then."""
        try:
            async with asyncio.timeout_at(self._end + SLACK_SECONDS) as limit:
                return await step
        except TimeoutError:
            if not limit.expired():
                raise
            raise GatewayFailure(
                f"The call was not answered within {self._seconds:g} seconds.",
                "upstream_timeout",
                status=504,
                retryable=True,
                source="client",
            ) from None
