"""How a batch gets into the Call table: whatever stands in a record, and none of it twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import call_store, calls
from audit.models import Call
from llm.observe.record import CallRecord
from tests.support.records import record

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)
UGLY = (
    "\\", "\\\\", "\\N", "\\.", "\\n", "\n", "\r\n", "\t", "\\t", "'", '"', "''", "$$", "%s", "%%", "{}", "NULL", "",
    " ", "\x01\x1f\x7f\x85", "\u2028", "\u0301", "\U0001f600\U0001f469\u200d\U0001f680", "\ufeff\uffff\U0010ffff",
    "a\x00b", "\x00", "DROP TABLE audit_call; --",
)  # fmt: skip


def insert_ugly(text: str) -> Call:
    labels = ("request_id", "project", "key", "end_user", "requested_model", "model", "route", "error_code")
    given = record(NOW, tags={text: text, "plain": "x"}, **dict.fromkeys(labels, text))
    assert call_store.insert([given]) == 1
    return Call.objects.get(pk=given.call_id)


@pytest.mark.parametrize("text", UGLY, ids=repr)
def test_ugly_text_is_stored_as_it_is(text: str) -> None:
    found = insert_ugly(text)
    clean = text.replace("\x00", "")
    assert {found.request_id, found.project, found.end_user, found.requested_model, found.model} == {clean}
    assert found.tags == {clean: clean, "plain": "x"}
    assert Call.objects.filter(request_id=clean, project=clean).exists()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_any_text_is_stored_as_it_is(text: str) -> None:
    found = insert_ugly(text)
    assert (found.end_user, found.tags["plain"]) == (text.replace("\x00", ""), "x")


def test_a_batch_of_ugly_ones_keeps_them_apart() -> None:
    batch = [record(NOW, request_id=text, end_user=str(number)) for number, text in enumerate(UGLY)]
    assert call_store.insert(batch) == len(UGLY)
    found = dict(Call.objects.values_list("end_user", "request_id"))
    assert found == {str(number): text.replace("\x00", "") for number, text in enumerate(UGLY)}


def test_the_rows_are_those_that_the_model_would_have_stored() -> None:
    """Written by hand and read by Django, or the other way round: the same."""
    given = record(NOW + timedelta(microseconds=123457), tags={"team": "x"}, time_to_first_token_ms=2.5, stream=True)
    other = record(NOW, time_to_first_token_ms=None)
    call_store.insert([given, other])
    by_hand = {row["call_id"]: row for row in Call.objects.values()}
    Call.objects.all().delete()
    Call.objects.bulk_create([calls.row(given), calls.row(other)])
    assert {row["call_id"]: row for row in Call.objects.values()} == by_hand
    assert call_store.insert([given, other]) == 0


def test_a_record_counts_once_within_a_batch_and_over_batches() -> None:
    first, second, third = (record(NOW, request_id=str(number)) for number in range(3))
    assert call_store.insert([first, second, first]) == 2
    assert call_store.insert([second, third]) == 1
    assert call_store.insert([]) == 0
    assert Call.objects.count() == 3


def test_days_may_be_mixed_and_lie_anywhere() -> None:
    days = [NOW - timedelta(days=number * 500) for number in range(20)] + [NOW + timedelta(days=365_000)]
    assert call_store.insert([record(day) for day in days]) == 21
    assert set(Call.objects.values_list("day", flat=True)) == {day.date() for day in days}


def test_numbers_at_their_bounds() -> None:
    largest = CallRecord(
        call_id=record(NOW).call_id, request_id="r", created_at=NOW.timestamp(), endpoint="e", revision=2**63 - 1,
        http_status=99_999, attempts=99_999, input_tokens=10**30, latency_ms=1e308, overhead_ms=float("inf"),
    )  # fmt: skip
    assert call_store.insert([largest]) == 1
    found = Call.objects.get()
    assert (found.revision, found.http_status, found.attempts) == (2**63 - 1, 32767, 32767)
    assert (found.input_tokens, found.latency_ms, found.overhead_ms) == (10**12, 1e308, 0)


def test_tags_can_be_searched() -> None:
    call_store.insert([record(NOW, tags={"team": "a", "n": '"'}), record(NOW, tags={"team": "b"})])
    assert Call.objects.get(tags__team="a").tags == {"team": "a", "n": '"'}
    assert json.loads(json.dumps(Call.objects.get(tags__team="b").tags)) == {"team": "b"}


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_on_sqlite_outlives_the_machine() -> None:
    """The spool's file goes after the commit. Elsewhere that is the server's own setting."""
    call_store.prepare()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone() == (2,)
    assert call_store.insert([record(NOW)]) == 1
    connection.close()
    assert Call.objects.count() == 1
