"""What the dashboard is told is what a count of the rows gives, for every window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import call_store, histogram, usage
from audit.models import Call, CallRollup
from llm.observe.record import CallRecord
from tests.support.records import TOKENS, record, records

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 5, 17, 13, 37, 21, 500_000, tzinfo=UTC)
# The beginning of each window's first bucket, and the length of a bucket.
SINCE = {
    "1h": datetime(2031, 5, 17, 12, 37, tzinfo=UTC),
    "24h": datetime(2031, 5, 16, 13, tzinfo=UTC),
    "7d": datetime(2031, 5, 10, 12, tzinfo=UTC),
}
STEP = {"1h": timedelta(minutes=1), "24h": timedelta(hours=1), "7d": timedelta(hours=6)}
BUCKETS = {"1h": 61, "24h": 25, "7d": 29}
Row = dict[str, Any]


def naive(rows: Iterable[Row]) -> usage.Totals:
    rows = list(rows)

    def count(test: Callable[[Row], bool]) -> int:
        return sum(map(test, rows))

    def failed(test: Callable[[int], bool]) -> int:
        return count(lambda row: row["status"] == "failed" and test(row["http_status"]))

    return usage.Totals(
        requests=len(rows),
        succeeded=count(lambda row: row["status"] == "succeeded"),
        failed=failed(lambda status: True),
        cancelled=count(lambda row: row["status"] == "cancelled"),
        client_errors=failed(lambda status: 400 <= status < 500 and status != 429),
        throttled=failed(lambda status: status == 429),
        server_errors=failed(lambda status: status >= 500),
        broken_streams=failed(lambda status: status == 200),
        **{name: sum(row[name] for row in rows) for name in TOKENS},
        p50_ms=quantile(rows, "latency_ms", 0.5),
        p95_ms=quantile(rows, "latency_ms", 0.95),
        p99_ms=quantile(rows, "latency_ms", 0.99),
        ttft_p50_ms=quantile(rows, "time_to_first_token_ms", 0.5),
        ttft_p95_ms=quantile(rows, "time_to_first_token_ms", 0.95),
    )


def quantile(rows: list[Row], name: str, share: float) -> float | None:
    """test_histogram.py has how far that is from the true one."""
    counts = [0] * histogram.BUCKETS
    for row in rows:
        if row[name] is not None:
            counts[histogram.bucket(row[name])] += 1
    return histogram.quantile(counts, share)


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["provider"]:
            found.setdefault(tuple(row[name] for name in names), []).append(row)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def check(window: usage.Window) -> None:
    """Everything of an overview against the rows of its window, all calls being older than NOW."""
    found = usage.overview(window, now=NOW)
    rows = [row for row in Call.objects.values() if row["created_at"] >= SINCE[window]]
    assert (found.since, found.until, found.step) == (SINCE[window], NOW, STEP[window])
    assert found.totals == naive(rows)
    starts = [SINCE[window] + number * STEP[window] for number in range(BUCKETS[window])]
    assert [bucket.start for bucket in found.series] == starts
    for bucket in found.series:
        end = bucket.start + STEP[window]
        assert bucket.totals == naive(row for row in rows if bucket.start <= row["created_at"] < end)
    providers, models = grouped(rows, "provider"), grouped(rows, "provider", "model")
    assert [((row.provider,), row.totals) for row in found.by_provider] == told(providers)
    assert [((row.provider, row.model), row.totals) for row in found.by_model] == told(models)
    assert [row.last_call_at for row in found.by_model] == [newest(part) for part in models.values()]
    assert [row.last_call_at for row in found.by_provider] == [newest(part) for part in providers.values()]
    failed = [row for row in rows if row["status"] == "failed"]
    times = sorted((row["created_at"] for row in failed), reverse=True)
    assert [row.created_at for row in found.latest_errors] == times[:10]
    assert {row.call_id for row in found.latest_errors} <= {str(row["call_id"]) for row in failed}


def told(parts: dict[tuple[str, ...], list[Row]]) -> list[tuple[tuple[str, ...], usage.Totals]]:
    return [(name, naive(rows)) for name, rows in parts.items()]


def newest(rows: list[Row]) -> datetime:
    return max(row["created_at"] for row in rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    recent=st.lists(records(until=NOW, within=timedelta(minutes=63)), max_size=25),
    older=st.lists(records(until=NOW, within=timedelta(days=8)), max_size=25),
)
def test_every_window_is_what_a_count_of_the_rows_gives(recent: list[CallRecord], older: list[CallRecord]) -> None:
    Call.objects.all().delete()
    CallRollup.objects.all().delete()
    call_store.insert(recent + older)
    for window in usage.WINDOWS:
        check(window)


@pytest.mark.parametrize("window", usage.WINDOWS)
def test_the_edges_of_a_window(window: usage.Window) -> None:
    edge = SINCE[window]
    call_store.insert([record(edge), record(edge - timedelta(microseconds=1)), record(NOW)])
    assert usage.overview(window, now=NOW).totals.requests == 2
    check(window)


def test_any_time_zone_asks_the_same() -> None:
    call_store.insert([record(NOW)])
    elsewhere = NOW.astimezone(datetime.strptime("+0930", "%z").tzinfo)
    assert usage.overview("24h", now=elsewhere) == usage.overview("24h", now=NOW)


def test_a_clock_that_is_ahead_shows_when_its_time_has_come() -> None:
    call_store.insert([record(NOW + timedelta(hours=2), status="failed", http_status=500)])
    found = usage.overview("1h", now=NOW)
    assert (found.totals.requests, found.latest_errors) == (0, ())
    later = usage.overview("1h", now=NOW + timedelta(hours=2, minutes=1))
    assert (later.totals.server_errors, len(later.latest_errors)) == (1, 1)


def test_what_is_told_of_the_totals() -> None:
    ends = ("succeeded", "failed", "cancelled")
    call_store.insert([record(NOW, status=end, input_tokens=3, output_tokens=2) for end in ends])
    found = usage.overview("1h", now=NOW)
    assert (found.success_rate, found.tokens, found.totals.cancelled) == (0.5, 15, 1)
    assert (found.p50_ms, found.p95_ms) == (found.totals.p50_ms, found.totals.p95_ms)
    assert (found.ttft_p50_ms, found.ttft_p95_ms) == (None, None)


def test_of_many_models_the_most_used_are_told() -> None:
    many = [record(NOW, model=f"m{number}") for number in range(30) for _ in range(number + 1)]
    call_store.insert(many)
    found = usage.overview("7d", now=NOW)
    assert [row.model for row in found.by_model] == [f"m{number}" for number in reversed(range(10, 30))]
    assert found.by_provider[0].totals.requests == len(many)


def test_totals_outlive_the_calls_that_they_count() -> None:
    call_store.insert([record(NOW - timedelta(days=3), output_tokens=7)])
    Call.objects.all().delete()
    assert usage.overview("7d", now=NOW).totals.output_tokens == 7


def test_successes_are_not_read_for_the_latest_errors() -> None:
    rows = Call.objects.filter(status="failed", created_at__gte=SINCE["7d"], created_at__lte=NOW)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # an empty table would be read whole
    plan = rows.order_by("-created_at").values("call_id")[:10].explain()
    if connection.vendor == "postgresql":
        assert "Index Scan" in plan and "status" not in plan  # the condition is the index's own
    else:
        assert "call_failed" in plan
