"""Old calls go, in steps that let others work; totals stay."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections
from django.utils import timezone

from audit import call_store, partitions, prune
from audit.models import Call, CallRollup
from tests.support.records import record

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)
TODAY = NOW.date()


def store(*ages: float, count: int = 1) -> None:
    """Calls of so many days ago."""
    call_store.insert([record(NOW - timedelta(days=age)) for age in ages for _ in range(count)])


def days() -> list[int]:
    """How many days ago the calls are that are left, by their day."""
    return sorted({(TODAY - day).days for day in Call.objects.values_list("day", flat=True)})


def pruned(older_than: int, **arguments: object) -> int:
    given = {"pause": lambda seconds: None, **arguments}
    return prune.prune_calls(older_than=timedelta(days=older_than), now=NOW, **given)


def rollups() -> list[dict[str, object]]:
    return list(CallRollup.objects.order_by("id").values())


def test_whole_days_go_and_totals_stay() -> None:
    partitions.ensure(today=TODAY - timedelta(days=10), days_ahead=11)
    store(0, 1, 6, 7, 7.4, 8, 9, 20)  # those of 20 days ago lie in the default partition
    before = rollups()
    assert pruned(7) == 3  # 7 days ago at noon: that day has not ended more than 7 days ago
    assert days() == [0, 1, 6, 7]
    assert rollups() == before
    assert pruned(7) == 0


def test_the_last_moment_of_a_day_goes_with_it() -> None:
    midnight = datetime(2031, 5, 10, tzinfo=UTC)
    call_store.insert([record(midnight), record(midnight - timedelta(milliseconds=1))])
    assert pruned(7) == 1
    assert Call.objects.get().created_at == midnight


def test_nothing_is_too_long_ago_or_too_far_ahead() -> None:
    call_store.insert([record(datetime(1970, 1, 1, tzinfo=UTC)), record(datetime(2400, 1, 1, tzinfo=UTC))])
    assert pruned(99_999) == 0
    assert pruned(90) == 1
    assert Call.objects.get().day == date(2400, 1, 1)


def test_it_goes_in_steps_and_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BATCH", 10)
    store(8, 9, 10, count=12)
    told: list[int] = []
    pauses: list[float] = []
    assert pruned(7, progress=told.append, pause=pauses.append) == 36
    assert told == [10, 20, 30, 36]
    # A SQLite database belongs to others in between.
    assert pauses == ([prune.PAUSE_SECONDS] * 4 if connection.vendor == "sqlite" else [])


def test_the_command_prints_the_number_only() -> None:
    old = timezone.now() - timedelta(days=100)
    call_store.insert([record(old), record(old), record(timezone.now())])
    out, err = StringIO(), StringIO()
    call_command("prune_calls", "--older-than", "90d", stdout=out, stderr=err)
    assert (out.getvalue(), err.getvalue()) == ("2\n", "")
    assert Call.objects.count() == 1


@pytest.mark.parametrize("text", ["90", "0d", "-1d", "d", "1.5d", "90 d", "3w", "100000d", ""])
def test_what_is_no_number_of_days_is_refused(text: str) -> None:
    store(1000)
    with pytest.raises(CommandError):
        call_command("prune_calls", f"--older-than={text}")
    assert Call.objects.count() == 1


def test_how_old_must_be_said() -> None:
    with pytest.raises(CommandError):
        call_command("prune_calls")


@pytest.fixture
def postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("partitions are PostgreSQL's; this part runs when the suite runs on it")


def test_partitions_of_old_days_are_gone(postgresql: None) -> None:
    partitions.ensure(today=TODAY - timedelta(days=9), days_ahead=9)
    store(9, 8, 0)
    assert pruned(7) == 2
    assert partitions.days() == [TODAY - timedelta(days=age) for age in range(7, -1, -1)]
    assert partitions.drop(TODAY - timedelta(days=9)) == 0  # another machine was faster


@pytest.mark.django_db(transaction=True)
def test_a_query_that_runs_is_not_broken_and_what_is_kept_away_is_told(
    postgresql: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads calls holds the table and then its partitions; a drop that took them the other way round would
    end in a deadlock, and one of both with it."""
    monkeypatch.setattr(partitions, "DROP_TRIES", 1)
    now = timezone.now()
    partitions.ensure(today=now.date() - timedelta(days=9), days_ahead=9)
    call_store.insert([record(now - timedelta(days=age)) for age in (9, 8)])
    reader = connections.create_connection("default")
    try:
        reader.set_autocommit(False)
        with reader.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM audit_call")
            with pytest.raises(CommandError, match="Run it again"):
                call_command("prune_calls", "--older-than", "7d")
            cursor.execute("SELECT count(*) FROM audit_call")
            assert cursor.fetchone() == (2,)
        reader.commit()
        assert prune.prune_calls(older_than=timedelta(days=7), now=now) == 2
    finally:
        reader.close()
        for day in partitions.days():
            partitions.drop(day)
