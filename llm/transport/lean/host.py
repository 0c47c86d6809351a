"""The connections to one origin: kept ones, new ones up to a limit, and a fair queue for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from llm.transport import failures
from llm.transport.lean.wire import Wire

Dial = Callable[[], Awaitable[Wire]]
_Turn = asyncio.Future["Wire | None"]


class Host:
    """`open` counts connections that are there or being made, each once: whoever makes one, or is handed one, answers
    for its count. In the queue a turn ends with a connection, or with None: the right to make one, already counted."""

    def __init__(self, loop: asyncio.AbstractEventLoop, dial: Dial, limit: int, kept: Callable[[], None]) -> None:
        self.idle: list[Wire] = []  # the longest unused first
        self.open = 0
        self.closed = False
        self.listed = True  # False once its transport has forgotten it: the next call begins another
        self._loop: Final = loop
        self._dial = dial
        self._limit = limit
        self._kept = kept
        self._queue: deque[_Turn] = deque()
        self._wires: set[Wire] = set()  # not those that are just being handed on

    @property
    def busy(self) -> bool:
        return self.open > len(self.idle) or bool(self._queue)

    def spare(self, now: float) -> Wire | None:
        """The kept connection that was used last, out of those that can still be used."""
        while self.idle:
            wire = self.idle.pop()
            if now - wire.idle_since < wire.keep_alive and wire.usable(now):
                return wire
            wire.drop()
        return None

    async def obtain(self) -> Wire:
        """A connection, new or handed on, after those who came before. Cancel it to bound it in time."""
        if self.open < self._limit and not self._queue:
            self.open += 1
            return await self._dialled()
        wire = await self._turn()
        if wire is not None:
            if self._still_good(wire):
                self._wires.add(wire)
                return wire
            wire.drop()
        return await self._dialled()

    def give_back(self, wire: Wire) -> None:
        if self.closed:
            wire.drop()
        elif self._queue and self._hand_on(wire):
            self._wires.discard(wire)
        else:
            wire.idle_since = self._loop.time()
            self.idle.append(wire)
            if len(self.idle) == 1:  # who keeps house goes on as long as there are any
                self._kept()

    def lost(self, wire: Wire) -> None:
        if wire not in self._wires:
            return  # it was being handed on: its taker will see, and dial in its place
        self._wires.discard(wire)
        if wire in self.idle:
            self.idle.remove(wire)
        self._free()

    def expire(self, now: float) -> None:
        """Closes what was idle for too long."""
        for wire in [one for one in self.idle if now - one.idle_since >= one.keep_alive]:
            self.idle.remove(wire)
            wire.drop()

    def close(self) -> None:
        """Ends all connections."""
        self.closed = True
        self.idle.clear()
        for wire in list(self._wires):
            wire.drop()

    async def _dialled(self) -> Wire:
        try:
            if self.closed:
                raise failures.going_down()
            wire = await self._dial()
            if self.closed or not wire.adopt(self):
                wire.drop()
                raise failures.going_down() if self.closed else failures.broke()
        except BaseException:
            self._free()
            raise
        self._wires.add(wire)
        return wire

    async def _turn(self) -> Wire | None:
        turn: _Turn = self._loop.create_future()
        self._queue.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(turn.result())
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def _pass_on(self, given: Wire | None) -> None:
        """A turn that its owner no longer wants."""
        if given is not None:
            if self._still_good(given):
                self._wires.add(given)
                self.give_back(given)
                return
            given.drop()
        self._free()

    def _still_good(self, wire: Wire) -> bool:
        return not self.closed and wire.usable(self._loop.time())

    def _free(self) -> None:
        """One connection less: the next in the queue may make one."""
        self.open -= 1
        if self._queue and self.open < self._limit:
            self.open += 1
            if not self._hand_on(None):
                self.open -= 1

    def _hand_on(self, what: Wire | None) -> bool:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(what)
                return True
        return False
