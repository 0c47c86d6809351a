"""The Call table: a plain table on SQLite, born partitioned by day on PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from audit import partitions
from audit.models import Call

pytestmark = pytest.mark.django_db
TODAY = date(2031, 5, 17)


@pytest.fixture
def postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("partitions are PostgreSQL's; this part runs when the suite runs on it")


def store(day: date) -> Call:
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Call.objects.create(
        call_id=uuid.uuid4(),
        day=day,
        request_id="r",
        endpoint="e",
        status="succeeded",
        http_status=200,
        created_at=moment,
    )


def table_of(call: Call) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM audit_call WHERE call_id = %s", [call.call_id])
        return str(cursor.fetchone()[0])


def test_the_migrations_are_complete() -> None:
    call_command("makemigrations", "audit", check=True, dry_run=True, verbosity=0)


def test_the_columns_are_those_of_the_model() -> None:
    with connection.cursor() as cursor:
        columns = {
            column.name: column for column in connection.introspection.get_table_description(cursor, "audit_call")
        }
    fields = {field.column: field for field in Call._meta.concrete_fields}
    assert set(columns) == set(fields)
    assert {name for name, column in columns.items() if column.null_ok} == {
        name for name, field in fields.items() if field.null
    }


def test_the_indexes_are_those_of_the_model() -> None:
    with connection.cursor() as cursor:
        names = set(connection.introspection.get_constraints(cursor, "audit_call"))
    assert {index.name for index in Call._meta.indexes} <= names


def test_any_day_can_be_stored_whatever_partitions_there_are() -> None:
    for day in (date(1970, 1, 1), TODAY, date(2500, 1, 1)):
        assert Call.objects.get(pk=store(day).pk).day == day


def test_days_to_come_get_partitions_of_their_own(postgresql: None) -> None:
    partitions.ensure(today=TODAY, days_ahead=2)
    partitions.ensure(today=TODAY, days_ahead=2)  # again: nothing to do
    assert table_of(store(TODAY)) == "audit_call_20310517"
    assert table_of(store(TODAY + timedelta(days=2))) == "audit_call_20310519"
    assert table_of(store(TODAY + timedelta(days=3))) == "audit_call_default"


def test_a_day_that_already_lies_in_the_default_partition_fails_nothing(postgresql: None) -> None:
    call = store(TODAY)
    partitions.ensure(today=TODAY, days_ahead=1)
    assert table_of(call) == "audit_call_default"
    assert table_of(store(TODAY)) == "audit_call_default"
    assert table_of(store(TODAY + timedelta(days=1))) == "audit_call_20310518"


def test_the_key_is_call_id_and_day_and_indexes_reach_the_partitions(postgresql: None) -> None:
    partitions.ensure(today=TODAY, days_ahead=0)
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "audit_call")
        of_day = connection.introspection.get_constraints(cursor, partitions.name(TODAY))
    assert [item["columns"] for item in constraints.values() if item["primary_key"]] == [["call_id", "day"]]
    assert any(item["columns"] == ["request_id"] for item in of_day.values())
    assert any(item["columns"] == ["project", "created_at"] for item in of_day.values())


def test_elsewhere_there_is_nothing_to_ensure() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("this is about the other databases")
    partitions.ensure(today=TODAY)
