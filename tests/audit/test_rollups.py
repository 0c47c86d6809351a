"""Rollups are what a recount of the Call table gives, whatever came twice, late, or from two machines at once."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import call_store, histogram, rollups
from audit.calls import values
from audit.models import Call, CallRollup
from llm.observe.record import CallRecord
from tests.support.records import TOKENS, record, records

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 5, 17, 0, 30, 0, 5000, tzinfo=UTC)
KEYS = ("project", "provider", "model", "revision")
STARTS = {
    "minute": "%Y-%m-%d %H:%M:00",
    "total": "%Y-%m-%d %H:00:00",
    "hour": "%Y-%m-%d %H:00:00",
    "day": "%Y-%m-%d 00:00:00",
}
Counts = dict[tuple[Any, ...], Counter[str]]


def recount() -> Counts:
    """All grains, from the rows of the Call table, one row after the other."""
    found: Counts = {}
    for call in Call.objects.values():
        for grain, form in STARTS.items():
            found.setdefault(key_of(grain, form, call), Counter()).update(counters(call))
    return found


def key_of(grain: str, form: str, call: dict[str, Any]) -> tuple[Any, ...]:
    by_all = grain in ("hour", "day")
    wide = (call["project"] if by_all else "", call["provider"], call["model"], call["revision"] if by_all else 0)
    return (grain, call["created_at"].strftime(form), *wide)


def counters(call: dict[str, Any]) -> Counter[str]:
    counts = Counter({"requests": 1, call["status"]: 1, **{name: call[name] for name in TOKENS}})
    if call["status"] == "failed":
        status = call["http_status"]
        kind = "broken_streams" if status == 200 else "client_errors" if status < 500 else "server_errors"
        counts["throttled" if status == 429 else kind] += 1
    counts[bucket("latency", call["latency_ms"])] += 1
    if call["time_to_first_token_ms"] is not None:
        counts[bucket("ttft", call["time_to_first_token_ms"])] += 1
    return counts


def bucket(prefix: str, milliseconds: float) -> str:
    above = [bound for bound in histogram.BOUNDS if bound >= milliseconds]
    return f"{prefix}_le_{above[0]}" if above else f"{prefix}_more"


def stored() -> Counts:
    found: Counts = {}
    for row in CallRollup.objects.values():
        key = (row["grain"], row["start"].strftime("%Y-%m-%d %H:%M:%S"), *(row[name] for name in KEYS))
        assert key not in found
        dropped = {"id", "grain", "start", "last_at", *KEYS}
        found[key] = Counter({name: number for name, number in row.items() if name not in dropped})
    return found


def newest() -> dict[tuple[Any, ...], datetime]:
    found: dict[tuple[Any, ...], datetime] = {}
    for call in Call.objects.values():
        for grain, form in STARTS.items():
            key = key_of(grain, form, call)
            found[key] = max(call["created_at"], found.get(key, call["created_at"]))
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given_records=st.lists(records(until=NOW, within=timedelta(hours=26)), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    again=st.lists(st.integers(0, 39), max_size=10),
)
def test_rollups_are_what_a_recount_gives(given_records: list[CallRecord], cuts: list[int], again: list[int]) -> None:
    """In any batches, with any records given again, in the same batch or a later one."""
    Call.objects.all().delete()
    CallRollup.objects.all().delete()
    repeated = [given_records[number] for number in again if number < len(given_records)]
    order = given_records + repeated
    edges = [0, *sorted(cuts), len(order)]
    counts = [call_store.insert(order[first:last]) for first, last in pairwise(edges)]
    assert sum(counts) == Call.objects.count() == len(given_records)
    assert stored() == recount()
    last_at = {
        (row.grain, row.start.strftime("%Y-%m-%d %H:%M:%S"), *(getattr(row, name) for name in KEYS)): row.last_at
        for row in CallRollup.objects.all()
    }
    assert last_at == newest()


def test_more_keys_than_one_statement_takes() -> None:
    many = [record(NOW - timedelta(seconds=number), model=f"m{number}") for number in range(1000)]
    assert call_store.insert(many) == 1000
    assert call_store.insert(many) == 0
    assert stored() == recount()
    assert CallRollup.objects.filter(grain="day").count() == 1000


def test_nothing_is_counted_of_a_batch_that_was_refused() -> None:
    with pytest.raises(ValueError):
        call_store.insert([record(NOW), record(NOW, call_id="none")])
    assert (Call.objects.count(), CallRollup.objects.count()) == (0, 0)


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_a_clock_that_is_wrong_keeps_no_record_out(moment: datetime) -> None:
    assert call_store.insert([record(moment), record(NOW)]) == 2
    assert stored() == recount()
    rollups.forget_minutes(now=NOW)
    assert CallRollup.objects.filter(grain="day").count() == 2


def test_old_minutes_go_hours_and_days_stay() -> None:
    call_store.insert([record(NOW), record(NOW - timedelta(days=2)), record(NOW - timedelta(days=4))])
    rollups.forget_minutes(now=NOW)
    starts = {grain: set(CallRollup.objects.filter(grain=grain).values_list("start", flat=True)) for grain in STARTS}
    assert starts["minute"] == {NOW.replace(second=0, microsecond=0)}
    assert (len(starts["total"]), len(starts["hour"]), len(starts["day"])) == (3, 3, 3)


@settings(max_examples=30)
@given(st.lists(records(until=NOW, within=timedelta(hours=26)), max_size=30))
def test_each_grain_counts_every_call_once(given_records: list[CallRecord]) -> None:
    folded = rollups.fold([values(one) for one in given_records])
    for grain in STARTS:
        assert sum(tally.counts[0] for key, tally in folded.items() if key.grain == grain) == len(given_records)


@pytest.mark.django_db(transaction=True)
def test_two_machines_count_into_the_same_rows() -> None:
    """Each in an order of its own: what locks rows in another order than the other one ends in a deadlock."""
    models = [f"m{number}" for number in range(40)]
    together = threading.Barrier(3)
    failures: list[BaseException] = []

    def machine(mine: list[str]) -> None:
        try:
            together.wait(20)
            for _ in range(15):
                call_store.insert([record(NOW, model=model, output_tokens=1) for model in mine])
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            connection.close()

    orders = (models, models[::-1], models[20:] + models[:20])
    threads = [threading.Thread(target=machine, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert stored() == recount()
    assert {counts["requests"] for counts in stored().values()} == {45}


@pytest.mark.django_db(transaction=True)
def test_calls_from_before_there_were_rollups_are_counted() -> None:
    call_store.insert([record(NOW - timedelta(hours=number % 9), revision=number % 3) for number in range(100)])
    call_command("migrate", "audit", "0001", verbosity=0)
    assert "audit_callrollup" not in connection.introspection.table_names()
    call_command("migrate", "audit", verbosity=0)
    assert len(stored()) > 4
    assert stored() == recount()
