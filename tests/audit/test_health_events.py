"""Changes of health: from the spool into the tables, exactly once, with the state of each subject and its incidents."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from audit import health_events, health_orders, health_state
from audit.ingest import Ingester
from audit.models import Call, HealthEvent, HealthOrder, HealthState, Incident
from llm.observe import health_event
from llm.observe.spool import Spool
from tests.support.health import BEGAN, event
from tests.support.records import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    yield made
    made.close()


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGAN + seconds, tz=UTC)


def tell(*events: health_event.HealthEvent) -> None:
    """Each as a batch of its own, as if it came alone."""
    for one in events:
        health_events.insert([one])


def state() -> tuple[Any, ...]:
    row = HealthState.objects.get()
    return (row.state, row.category, row.failures, row.cause)


def incidents() -> list[tuple[Any, ...]]:
    rows = Incident.objects.order_by("opened_at")
    return [(row.opened_at, row.opened_by, row.closed_at, row.closed_by, row.events) for row in rows]


def test_calls_and_events_of_one_file_are_stored_once_each(spool: Spool, tmp_path: Path) -> None:
    for number in range(3):
        spool.write(record(at(number)))
        spool.tell(
            event(number, new="open", name=f"openai/m{number}", kind="model", category="server", until=BEGAN + 9)
        )
    heard: list[Any] = []
    assert Ingester(tmp_path, batch_size=4, on_batch=heard.extend).drain() == 6
    next(tmp_path.glob("*.offset")).unlink()
    assert Ingester(tmp_path, on_batch=lambda batch: None).drain() == 6  # a crash before the offset was kept
    assert Call.objects.count() == HealthEvent.objects.count() == Incident.objects.count() == 3
    assert len(heard) == 3 and all(hasattr(one, "call_id") for one in heard)
    assert {row.events for row in Incident.objects.all()} == {1}
    row = HealthEvent.objects.get(name="openai/m1")
    assert (row.kind, row.provider, row.old, row.new, row.category) == ("model", "openai", "closed", "open", "server")
    assert (row.at, row.until, row.cause, row.failures) == (at(1), at(9), "calls", 5)


def test_a_batch_with_a_bad_event_loses_neither_calls_nor_good_ones(spool: Spool, tmp_path: Path) -> None:
    spool.write(record(at(0)))
    spool.tell(event(0, event_id="no-uuid"))
    spool.tell(event(1))
    Ingester(tmp_path).drain()
    assert Call.objects.count() == HealthEvent.objects.count() == 1
    [line] = (tmp_path / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line)[0] == "no-uuid"


def test_what_no_column_holds_is_made_to_fit() -> None:
    tell(event(0, name="p" * 70 + "/\x00" + "m" * 400, failures=2**40, until=float("inf")))
    row = HealthEvent.objects.get()
    assert (len(row.name), len(row.provider), row.until, row.failures) == (330, 63, None, 2**31 - 1)
    assert "\x00" not in row.name


def test_an_incident_from_open_to_closed(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), caplog.at_level(logging.WARNING, logger="audit.incidents"):
        tell(event(0, category="timeout", until=BEGAN + 5))
        assert state() == ("open", "timeout", 5, "calls")
        tell(event(5, old="open", new="half_open"), event(6, old="half_open", category="timeout"))
        tell(event(16, old="open", new="half_open"), event(17, old="half_open", new="closed", failures=0))
    assert incidents() == [(at(0), "calls", at(17), "calls", 5)]
    assert state() == ("closed", "", 0, "calls")
    assert HealthEvent.objects.filter(incident=Incident.objects.get()).count() == 5
    told = [(line.message, line.levelname) for line in caplog.records]
    assert told == [("an incident opened", "ERROR"), ("an incident closed", "WARNING")]
    tell(event(60))
    assert len(incidents()) == 2 and incidents()[1][2] is None


def test_several_processes_tell_the_same(spool: Spool, tmp_path: Path) -> None:
    other = Spool(tmp_path)
    for sink, late in ((spool, 0.0), (other, 0.1)):
        sink.tell(event(1 + late))
        sink.tell(event(9 + late, old="open", new="closed"))
    other.close()
    Ingester(tmp_path).drain()  # one file after the other
    assert [row[:3] for row in incidents()] == [(at(1), "calls", at(9))]
    assert HealthEvent.objects.count() == 4 and state()[0] == "closed"


def test_a_state_told_again_began_when_it_began() -> None:
    tell(event(0, until=BEGAN + 5), event(2, until=BEGAN + 8))
    row = HealthState.objects.get()
    assert (row.since, row.told_at, row.until) == (at(0), at(2), at(8))
    assert len(incidents()) == 1


def test_what_is_older_turns_nothing_back() -> None:
    tell(event(0), event(10, old="open", new="closed"))
    tell(event(5))
    assert state()[0] == "closed" and len(incidents()) == 1 and incidents()[0][2] == at(10)
    tell(event(20), event(15, new="closed"))
    assert state()[0] == "open" and incidents()[1][2] is None
    assert HealthEvent.objects.count() == 5


def test_cooling_is_no_incident_and_ends_one() -> None:
    tell(event(0, new="cooling", category="rate_limit", until=BEGAN + 60))
    assert incidents() == []
    assert [row.state for row in health_state.current(now=at(59))] == ["cooling"]
    assert not health_state.current(now=at(60))  # it ends by itself: nobody tells
    tell(event(61, old="cooling"), event(66, old="open", new="cooling"))
    assert incidents() == [(at(61), "calls", at(66), "calls", 2)]


def test_each_subject_has_a_state_of_its_own() -> None:
    events = [event(0, kind=kind, name=name) for kind, name in (("provider", "a"), ("model", "a/m"), ("key", "a/m"))]
    health_events.insert(events)
    health_events.insert([event(1, kind="key", name="a/m", old="open", new="closed")])
    found = {(row.kind, row.name): row.state for row in HealthState.objects.all()}
    assert found == {("provider", "a"): "open", ("model", "a/m"): "open", ("key", "a/m"): "closed"}
    assert Incident.objects.filter(closed_at=None).count() == 2


def test_what_is_open_and_for_how_long() -> None:
    tell(event(0, until=BEGAN + 5))
    assert health_state.is_open("provider", "openai", now=at(4))
    assert not health_state.is_open("provider", "openai", now=at(5))
    assert not health_state.is_open("model", "openai", now=at(4))


def test_an_order_is_an_event_a_state_and_the_end_of_an_incident() -> None:
    tell(event(0, category="auth", kind="key", name="openai/k1"))
    given = health_orders.give(
        kind="key", name="openai/k1", action="close", cause="operator", now=at(3), given_by="ann", reason="renewed"
    )
    assert state() == ("closed", "", 0, "operator")
    assert incidents() == [(at(0), "calls", at(3), "operator", 2)]
    newest = HealthEvent.objects.first()
    assert newest is not None and (newest.old, newest.new, newest.cause, newest.at) == (
        "open",
        "closed",
        "operator",
        at(3),
    )
    assert [(row.action, row.given_by, row.reason) for row in health_orders.after(given.pk - 1)] == [
        ("close", "ann", "renewed")
    ]
    assert not health_orders.after(given.pk)


def test_an_order_of_what_is_so_already_is_given_and_no_event() -> None:
    health_orders.give(kind="provider", name="openai", action="close", cause="operator", now=at(0))
    assert HealthOrder.objects.count() == 1
    assert not HealthEvent.objects.exists() and not HealthState.objects.exists()


def test_an_order_holds_also_where_a_clock_is_ahead() -> None:
    tell(event(100))
    health_orders.give(kind="provider", name="openai", action="close", cause="operator", now=at(3))
    assert state()[0] == "closed" and incidents()[0][2] == at(100)


def test_a_probe_opens_and_closes() -> None:
    health_orders.give(kind="model", name="a/m", action="open", category="server", cause="probe", now=at(0))
    health_orders.give(kind="model", name="a/m", action="close", cause="probe", now=at(9))
    assert incidents() == [(at(0), "probe", at(9), "probe", 2)]


def test_the_newest_order_comes_with_the_revision(django_assert_num_queries: Any, past: Any) -> None:
    revision = health_orders.with_revision()[0]
    order = health_orders.give(kind="provider", name="openai", action="close", cause="operator", now=at(0))
    with django_assert_num_queries(1):
        assert health_orders.with_revision() == (revision, order.pk)
    assert revision > 0 and health_orders.newest() == order.pk


def test_old_ones_go_and_what_is_open_stays() -> None:
    tell(event(0), event(5, old="open", new="closed"))  # of long ago, and over
    tell(event(0, name="other"))  # of long ago, and still open
    tell(event(90_000, name="new"), event(90_001, name="new", old="open", new="closed"))
    health_orders.give(kind="provider", name="third", action="close", cause="operator", now=at(0))
    day = timedelta(days=1)
    assert health_events.prune(older_than=day, now=at(86_500)) == 6  # three events, an incident, an order, a state
    assert set(HealthEvent.objects.values_list("name", flat=True)) == {"new"}
    assert set(Incident.objects.values_list("name", flat=True)) == {"other", "new"}
    assert set(HealthState.objects.values_list("name", flat=True)) == {"other", "new"}
    assert not HealthOrder.objects.exists()


def test_the_command_that_prunes_calls_prunes_them_too() -> None:
    long_ago = datetime.now(UTC).timestamp() - 3 * 86_400
    health_events.insert([event(0, began=long_ago), event(5, began=long_ago, old="open", new="closed")])
    out = StringIO()
    call_command("prune_calls", "--older-than", "2d", stdout=out)
    assert out.getvalue() == "0\n"  # calls are counted
    assert not HealthEvent.objects.exists() and not Incident.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ingesters_of_several_machines_at_once_open_one_incident_of_a_subject() -> None:
    names = [f"p{number}" for number in range(8)]

    def tell_all(order: list[str]) -> None:
        try:
            for number in range(4):
                health_events.insert([event(number / 100, name=name) for name in order])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(tell_all, names), pool.submit(tell_all, names[::-1])]:
            done.result(timeout=60)
    assert HealthEvent.objects.count() == 64
    assert sorted(Incident.objects.values_list("name", flat=True)) == names
    assert set(Incident.objects.values_list("events", flat=True)) == {8}
