"""From the spool into the Call table: every record once, whatever happens in between."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.utils import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import calls, partitions
from audit.ingest import Ingester, IngesterRunning, waiting
from audit.models import Call, CallRollup
from llm.observe import spool as spools
from llm.observe.record import CallRecord
from llm.observe.spool import Spool
from tests.support.records import call_id

pytestmark = pytest.mark.django_db
MOMENT = datetime(2031, 5, 17, 23, 59, 59, tzinfo=UTC).timestamp()


def record(**fields: Any) -> CallRecord:
    made_at = datetime.fromtimestamp(fields.get("created_at", MOMENT), tz=UTC)
    given: dict[str, Any] = {
        "call_id": call_id(made_at),
        "request_id": "request-1",
        "created_at": MOMENT,
        "endpoint": "chat/completions",
        "status": "succeeded",
        "http_status": 200,
    }
    return CallRecord(**{**given, **fields})


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    yield made
    made.close()


def write(spool: Spool, count: int) -> list[str]:
    records = [record(request_id=f"request-{number}") for number in range(count)]
    for item in records:
        spool.write(item)
    return [item.call_id for item in records]


def stored() -> set[str]:
    return {str(call_id) for call_id in Call.objects.values_list("call_id", flat=True)}


def test_every_field_of_a_record_is_in_its_row(spool: Spool, tmp_path: Path) -> None:
    given = record(
        project="p", key="k", end_user="u", tags={"team": "a"}, requested_model="fast", provider="openai", model="gpt",
        route="fast", revision=7, status="failed", http_status=502, error_code="upstream_error", attempts=3,
        stream=True, input_tokens=10, output_tokens=20, cached_tokens=3, cache_write_tokens=2, reasoning_tokens=5,
        usage_estimated=True, latency_ms=12.5, time_to_first_token_ms=3.25, overhead_ms=0.5,
    )  # fmt: skip
    spool.write(given)
    assert Ingester(tmp_path).drain() == 1
    row = Call.objects.get()
    for name in CallRecord.__struct_fields__:
        if name not in ("call_id", "created_at"):
            assert getattr(row, name) == getattr(given, name), name
    assert str(row.call_id) == given.call_id
    assert row.created_at.timestamp() == MOMENT
    assert row.day.isoformat() == "2031-05-17"


def test_a_growing_file_is_read_on_and_a_finished_one_goes(spool: Spool, tmp_path: Path) -> None:
    ingester = Ingester(tmp_path, batch_size=2)
    first = write(spool, 5)
    assert ingester.drain() == 5
    assert ingester.drain() == 0
    second = write(spool, 3)
    assert ingester.drain() == 3
    assert len(spools.files(tmp_path)) == 1
    third = write(spool, 1)
    spool.close()
    assert ingester.drain() == 1
    assert stored() == {*first, *second, *third}
    assert {path.name for path in tmp_path.iterdir()} == {"ingest.lock"}


def test_a_lost_offset_makes_no_second_row(spool: Spool, tmp_path: Path) -> None:
    ids = write(spool, 4)
    heard: list[str] = []
    Ingester(tmp_path).drain()
    next(tmp_path.glob("*.offset")).unlink()
    Ingester(tmp_path, on_batch=lambda batch: heard.extend(item.call_id for item in batch)).drain()
    assert Call.objects.count() == 4
    assert heard == ids


def test_a_record_that_is_read_twice_counts_once(spool: Spool, tmp_path: Path) -> None:
    write(spool, 4)
    Ingester(tmp_path, batch_size=3).drain()
    next(tmp_path.glob("*.offset")).unlink()
    write(spool, 1)
    Ingester(tmp_path).drain()
    grains = CallRollup.objects.values_list("grain", "requests").order_by("grain")
    assert list(grains) == [("day", 5), ("hour", 5), ("minute", 5), ("total", 5)]


def test_a_new_ingester_goes_on_where_the_last_one_was(spool: Spool, tmp_path: Path) -> None:
    write(spool, 2)
    assert Ingester(tmp_path).drain() == 2
    write(spool, 1)
    assert Ingester(tmp_path).drain() == 1


def test_a_torn_record_at_the_end_of_a_dead_file_is_dropped(spool: Spool, tmp_path: Path) -> None:
    ids = write(spool, 3)
    spool.close()
    (path,) = spools.files(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    Ingester(tmp_path).drain()
    assert stored() == set(ids[:2])
    assert not spools.files(tmp_path)


def test_a_corrupt_record_is_passed_over_and_its_file_kept_aside(spool: Spool, tmp_path: Path) -> None:
    ids = write(spool, 3)
    (path,) = spools.files(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 + 20] ^= 0xFF  # inside of the second record's payload
    path.write_bytes(data)
    ingester = Ingester(tmp_path)
    ingester.drain()
    spool.close()
    ingester.drain()
    assert stored() == {ids[0], ids[2]}
    assert [kept.name for kept in tmp_path.glob("corrupt-*")] == [f"corrupt-{path.name}"]
    assert not spools.files(tmp_path)


def test_an_unreadable_rest_is_set_aside_with_an_alarm(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ids = write(spool, 2)
    spool.close()
    (path,) = spools.files(tmp_path)
    with open(path, "ab") as file:
        file.write(b"\0" * 64)
    Ingester(tmp_path).drain()
    assert stored() == set(ids)
    assert [kept.name for kept in tmp_path.glob("*spool-*")] == [f"corrupt-{path.name}"]
    told = [line.message for line in caplog.records if line.levelno == logging.CRITICAL]
    assert told == ["damage in the spool; the file is kept", "a damaged file of the spool is set aside"]


def test_damage_is_remembered_by_the_next_ingester(spool: Spool, tmp_path: Path) -> None:
    ids = write(spool, 3)
    (path,) = spools.files(tmp_path)
    data = bytearray(path.read_bytes())
    data[2] ^= 0xFF  # the first record's length
    path.write_bytes(data)
    Ingester(tmp_path).drain()
    spool.close()
    Ingester(tmp_path).drain()
    assert stored() == set(ids[1:])
    assert spools.set_aside(tmp_path)


def test_a_full_disk_does_not_end_the_ingesting(spool: Spool, tmp_path: Path) -> None:
    write(spool, 3)
    (path,) = spools.files(tmp_path)
    path.with_name(f"{path.name}.offset.new").mkdir()  # the offset cannot be noted
    ingester = Ingester(tmp_path)
    with ingester._alone():
        assert ingester._pass() == 3
        assert ingester._pass() == 0
    assert Ingester(tmp_path).drain() == 3  # another one reads all again, and nothing is doubled
    assert Call.objects.count() == 3


def test_a_record_that_cannot_be_stored_is_kept_and_holds_nobody_up(spool: Spool, tmp_path: Path) -> None:
    before, after = write(spool, 2), []
    spool.write(record(call_id="no-uuid"))
    after = write(spool, 2)
    Ingester(tmp_path).drain()
    assert stored() == {*before, *after}
    (line,) = (tmp_path / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["call_id"] == "no-uuid"


def test_a_file_that_cannot_be_read_holds_no_other_up(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool-0-0-0.log").mkdir()  # as a file of another user would, it fails when it is read
    ids = write(spool, 3)
    ingester = Ingester(tmp_path)
    assert (ingester.drain(), ingester.drain()) == (3, 0)
    assert stored() == set(ids)
    assert [line.message for line in caplog.records if line.levelno == logging.CRITICAL] == [
        "a file of the spool cannot be ingested"
    ]


@pytest.mark.django_db(transaction=True)
def test_a_folder_that_cannot_be_locked_does_not_end_the_loop(spool: Spool, tmp_path: Path) -> None:
    ids = write(spool, 3)
    (tmp_path / "ingest.lock").mkdir()
    waited: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0)
            if (tmp_path / "ingest.lock").is_dir():
                (tmp_path / "ingest.lock").rmdir()
            else:
                self.set()
            return self.is_set()

    Ingester(tmp_path).run(Stop())
    assert len(waited) == 2
    assert stored() == set(ids)


def test_there_is_a_partition_for_today_before_its_first_row(spool: Spool, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    spool.write(record(created_at=now.timestamp()))
    Ingester(tmp_path).drain()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT tableoid::regclass::text FROM audit_call")
            assert cursor.fetchone() == (f"audit_call_{Call.objects.get().day:%Y%m%d}",)
        assert now.date() + timedelta(days=7) in partitions.days()
    assert Call.objects.get().day in (now.date(), datetime.now(UTC).date())


def test_waiting_records_are_counted_and_again_when_something_has_changed(spool: Spool, tmp_path: Path) -> None:
    write(spool, 3)
    assert (waiting(tmp_path), waiting(tmp_path)) == (3, 3)
    write(spool, 2)
    assert waiting(tmp_path) == 5
    ingester = Ingester(tmp_path, batch_size=2)
    ingester.drain()
    assert waiting(tmp_path) == 0
    write(spool, 1)
    assert waiting(tmp_path) == 1
    spool.close()
    ingester.drain()
    assert waiting(tmp_path) == 0


def test_a_database_that_is_down_loses_nothing(spool: Spool, tmp_path: Path) -> None:
    ids = write(spool, 3)
    ingester = Ingester(tmp_path)

    def down(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "audit_call" in sql and "INSERT" in sql:
            raise OperationalError("connection lost")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(down), pytest.raises(OperationalError):
        ingester.drain()
    assert not stored()
    assert ingester.drain() == 3
    assert stored() == set(ids)


@pytest.mark.django_db(transaction=True)
def test_the_loop_goes_on_after_a_failure_and_drains_when_it_is_stopped(spool: Spool, tmp_path: Path) -> None:
    ids = write(spool, 3)
    stop = threading.Event()
    failures = [OperationalError("once"), OperationalError("twice")]

    def failing_at_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "audit_call" in sql and "INSERT" in sql and failures:
            raise failures.pop()
        return execute(sql, params, many, context)

    def heard(batch: list[CallRecord]) -> None:
        if not stop.is_set():
            stop.set()
            ids.extend(write(spool, 2))  # comes after the stop, and is still taken

    with connection.execute_wrapper(failing_at_first):
        Ingester(tmp_path, on_batch=heard).run(stop)
    assert not failures
    assert stored() == set(ids)


def test_a_listener_that_fails_keeps_nothing_out(spool: Spool, tmp_path: Path) -> None:
    write(spool, 1)

    def broken(batch: list[CallRecord]) -> None:
        raise ZeroDivisionError

    assert Ingester(tmp_path, on_batch=broken).drain() == 1
    assert Call.objects.count() == 1


def test_there_is_one_ingester_per_folder(spool: Spool, tmp_path: Path) -> None:
    write(spool, 1)
    refused: list[BaseException] = []

    def another(batch: list[CallRecord]) -> None:
        try:
            Ingester(tmp_path).drain()
        except IngesterRunning as error:
            refused.append(error)

    Ingester(tmp_path, on_batch=another).drain()
    assert len(refused) == 1


TEXT = st.text(max_size=400)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.fixed_dictionaries(
        dict.fromkeys(("request_id", "end_user", "requested_model", "model", "project", "endpoint"), TEXT)
    ),
    tags=st.dictionaries(TEXT, TEXT, max_size=3),
    number=st.integers(min_value=-(2**63), max_value=2**64 - 1),
    latency=st.floats(),
)
def test_no_content_of_a_record_is_refused_by_the_database(
    texts: dict[str, str], tags: dict[str, str], number: int, latency: float
) -> None:
    row = calls.row(
        record(**texts, tags=tags, input_tokens=number, http_status=number, attempts=number, latency_ms=latency)
    )
    row.save(force_insert=True)
    again = Call.objects.get(pk=row.pk)
    assert again.input_tokens == max(0, min(number, 10**12))
    assert again.request_id == texts["request_id"].replace("\x00", "")[:128]
