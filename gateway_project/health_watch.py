"""What a process that serves calls hears from the control plane about health: orders, and at its start what is open.

Both are read from the database, so they hold without Redis too. While it is away, nothing is heard; the calls
themselves go on telling the board how it stands.
"""

from __future__ import annotations

import logging
from typing import cast

from audit import health_orders, health_state
from audit.health_models import HealthOrder, HealthState
from llm.observe.health_event import Category, Cause, SubjectKind
from llm.policies.board import Board
from llm.policies.subject import ANY, Change, Subject

log = logging.getLogger(__name__)


class HealthWatch:
    """Used by one thread, the revision watch's: first `revision`, then `follow`."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._newest = 0
        self._followed: int | None = None  # the last order that was passed on; None: nothing was read yet

    def revision(self) -> int:
        """The newest revision; and by the way, how far the orders go."""
        revision, self._newest = health_orders.with_revision()
        return revision

    def follow(self) -> None:
        """Passes on what came since the last time. What fails is tried again with the next call."""
        if self._followed is None:
            # Also those whose time is over: the next call tries them, and its success ends the incident.
            for state in health_state.unfinished():
                self._board.adopt(_change(state))
        elif self._newest > self._followed:
            for order in health_orders.after(self._followed):
                self._pass_on(order)
                self._followed = order.pk
            return
        self._followed = self._newest  # also where the table was emptied

    def _pass_on(self, order: HealthOrder) -> None:
        """The board tells of it like of its own changes: what it told just before may be newer than the order."""
        kind, cause = cast(SubjectKind, order.kind), cast(Cause, order.cause)
        log.info("an order about health", extra={"kind": kind, "subject": order.name, "action": order.action})
        if order.action == HealthOrder.Action.CLOSE:
            self._board.reset(kind, order.name, cause)
        else:
            self._board.opened(kind, order.name, cast(Category, order.category), cause)


def _change(state: HealthState) -> Change:
    """As if another process told of it. The value of a key is not known: the state holds for whatever it is."""
    kind = cast(SubjectKind, state.kind)
    return Change(
        subject=Subject(kind, state.name, ANY if kind == "key" else ""),
        old="closed",
        new="open",
        at=state.told_at.timestamp(),
        until=state.until.timestamp() if state.until is not None else 0.0,
        category=cast(Category, state.category),
        failures=state.failures,
        level=0,
        cause=cast(Cause, state.cause),
        told=False,
    )
