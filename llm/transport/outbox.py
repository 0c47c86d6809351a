"""Writes of one turn of the event loop, made one after the other at its end.

A write that has to wake its reader costs the writer ten times as much as one that finds it awake. Between two writes
of a busy gateway lies the work of a call, in which a quick reader falls asleep again; together they wake it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

AT_ONCE: Final = 16
"""Writes that are not gathered after one that was alone in its turn: gathering costs a quiet gateway a little."""


class Writer(Protocol):
    def flush(self) -> None:
        """Writes what it has gathered, nothing where that is of no use any more. Must not raise."""
        ...


class Outbox:
    """One for a loop (`of`)."""

    __slots__ = ("_at_once", "_later", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._later: Callable[[Callable[[], None]], object] = loop.call_soon
        self._waiting: list[Writer] = []
        self._at_once = 0

    def takes(self, writer: Writer) -> bool:
        """True: it keeps what it has to write until its `flush` is called, in the next turn and before whatever is
        scheduled from now on. False: it writes at once, for it is alone."""
        waiting = self._waiting
        if not waiting:
            if self._at_once:
                self._at_once -= 1
                return False
            self._later(self._flush)
        waiting.append(writer)
        return True

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if len(waiting) == 1:
            self._at_once = AT_ONCE
        for writer in waiting:
            writer.flush()


_latest: Outbox | None = None


def of(loop: asyncio.AbstractEventLoop) -> Outbox:
    """The outbox of this loop, the same as long as no other loop asks for one: ask once, and keep it."""
    global _latest
    found = _latest
    if found is None or found.loop is not loop:
        found = _latest = Outbox(loop)
    return found
