"""Orders about health: from the table to the board of a process that serves calls; and what it knows at its start."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from audit import health_events, health_orders, health_state
from audit.models import HealthOrder, Incident
from gateway_project.health_watch import HealthWatch
from gateway_project.watch import RevisionWatch
from llm.observe.health_event import HealthEvent, State
from llm.policies.board import Board
from llm.snapshot import CallersPart, Holder, ProvidersPart, Snapshot
from tests.llm.policies.boards import candidate
from tests.support.eventually import eventually
from tests.support.health import event

pytestmark = pytest.mark.django_db


class Process:
    """One that serves calls, as far as health goes."""

    def __init__(self) -> None:
        self.told: list[HealthEvent] = []
        self.board = Board(self.told.append, random=random.Random(1).random)
        self.watch = HealthWatch(self.board)

    def look(self) -> None:
        self.watch.revision()
        self.watch.follow()

    def states(self) -> dict[tuple[str, str], tuple[str, str]]:
        return {(one.kind, one.name): (one.state, one.category) for one in self.board.states() if one.state != "closed"}


def give(action: health_orders.Action, name: str = "openai", **fields: object) -> HealthOrder:
    given = {"kind": "provider", "cause": "operator", "now": timezone.now(), **fields}
    return health_orders.give(action=action, name=name, **given)


def test_a_process_takes_over_what_is_open_at_its_start() -> None:
    now = time.time()
    health_events.insert(
        [
            event(0, began=now, category="connection", until=now + 60, failures=7),
            event(0, began=now, kind="key", name="openai/k1", category="auth", until=now + 500),
            event(0, began=now, name="cools", new="cooling", until=now + 60),
        ]
    )
    process = Process()
    process.look()
    assert process.states() == {("provider", "openai"): ("open", "connection"), ("key", "openai/k1"): ("open", "auth")}
    [standing] = [one for one in process.board.states() if one.kind == "provider"]
    assert (standing.failures, standing.until) == (7, pytest.approx(now + 60, abs=0.001))
    assert process.told == []  # it is no news
    process.look()
    assert len(process.states()) == 2


async def succeed(board: Board, name: str) -> None:
    """A call of it that goes well, as the Gateway tells the board of it."""
    asked = candidate(name, None)
    board.began(asked)
    assert await board.claim(asked)
    board.succeeded(asked, first_token=None)


@pytest.mark.parametrize("last", ["open", "half_open"])
def test_an_incident_that_outlived_its_process_ends_with_the_next_good_call(last: State) -> None:
    now = time.time()
    health_events.insert([event(-90, began=now, until=now - 80), event(-80, began=now, new=last, until=now - 50)])
    process = Process()
    process.look()
    assert process.states() == {("provider", "openai"): ("half_open", "")}  # its time is over: the next call tries it
    asyncio.run(succeed(process.board, "openai/m"))
    assert process.states() == {}
    health_events.insert(process.told)
    incident = Incident.objects.get()
    assert (incident.closed_by, incident.events) == ("calls", 4)


def test_orders_of_before_the_start_are_not_followed_and_later_ones_are() -> None:
    HealthOrder.objects.create(kind="provider", name="long-ago", action="open", at=timezone.now())
    process, other = Process(), Process()
    for one in (process, other):
        one.look()
    give("open", category="server", cause="probe")
    give("open", category="timeout", cause="probe", kind="model", name="openai/m")
    for one in (process, other):
        one.look()
        assert one.states() == {("provider", "openai"): ("open", "server"), ("model", "openai/m"): ("open", "timeout")}
    give("close")
    process.look()
    assert process.states() == {("model", "openai/m"): ("open", "timeout")}
    assert [(one.name, one.new, one.cause) for one in process.told] == [
        ("openai", "open", "probe"),
        ("openai/m", "open", "probe"),
        ("openai", "closed", "operator"),
    ]
    assert other.states().keys() == {("provider", "openai"), ("model", "openai/m")}  # until it looks


def test_a_reset_holds_though_a_process_opened_a_moment_before_it_heard() -> None:
    process = Process()
    process.look()
    health_events.insert([event(0, began=time.time())])
    order = give("close")
    process.board.opened("provider", "openai", "server", "calls")  # later than the order, and not of it
    process.look()
    health_events.insert(process.told)
    assert process.states() == {}
    assert process.told[-1].at > order.at.timestamp()
    assert not health_state.current(now=timezone.now())


def test_an_emptied_table_takes_no_later_order_away() -> None:
    process = Process()
    give("close")
    process.look()
    health_events.prune(older_than=timedelta(0), now=timezone.now())
    process.look()
    give("open", category="server", cause="probe")
    process.look()
    assert process.states() == {("provider", "openai"): ("open", "server")}


@pytest.mark.django_db(transaction=True)
def test_the_revision_watch_follows_orders_and_an_error_there_keeps_no_revision_out() -> None:
    process, revisions, follows = Process(), [1], []

    def follow() -> None:
        follows.append(len(follows))
        if revisions == [2]:
            raise RuntimeError("an order that cannot be followed")
        process.watch.follow()

    def revision() -> int:
        process.watch.revision()
        return revisions[0]

    def load() -> Snapshot:
        return Snapshot(revisions[0], "development", ProvidersPart({}, {}, {}), CallersPart({}, {}))

    holder = Holder()
    watch = RevisionWatch(load=load, revision=revision, follow=follow, holder=holder, poll_seconds=0.01)
    watch.start()
    try:
        assert watch.wait_loaded(10)
        give("open", category="server", cause="probe")
        eventually(lambda: process.states() == {("provider", "openai"): ("open", "server")})
        revisions[0] = 2
        eventually(lambda: holder.current.revision == 2)
    finally:
        watch.stop()
