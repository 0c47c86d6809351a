"""Rows of the Call table from the data plane's records, and their selectors."""

from __future__ import annotations

import json
import math
import uuid
from datetime import UTC, date, datetime
from typing import Any

from django.db import models
from django.db.models import QuerySet

from audit import call_trace
from audit.models import Call
from llm.observe import call_id as call_ids
from llm.observe.record import MOST_TOKENS, CallRecord

Row = dict[str, Any]
COLUMNS = tuple(field.column for field in Call._meta.concrete_fields)

_SHORT = 2**15 - 1
_LONG = 2**63 - 1
_LENGTHS = {
    field.name: field.max_length
    for field in Call._meta.concrete_fields
    if isinstance(field, models.CharField) and field.max_length is not None
}


def row(record: CallRecord) -> Call:
    """The unsaved row of a record; ValueError as of `values`."""
    found = values(record)
    return Call(**{**found, "trace": json.loads(found["trace"])})


def values(record: CallRecord) -> Row:
    """The row of a record by column, its trace as JSON text, without the cost of a model; ValueError where its call id
    is no UUID or its time is none. What does not fit a column is cut, not refused: a record must never be lost for a
    caller's long label."""
    created_at = _moment(record.created_at)
    return {
        "call_id": uuid.UUID(record.call_id),
        "day": day_of(record.call_id) or created_at.date(),
        "tags": {_clean(name): _clean(value) for name, value in record.tags.items()},
        "revision": _whole(record.revision, _LONG),
        "http_status": _whole(record.http_status, _SHORT),
        "attempts": _whole(record.attempts, _SHORT),
        "stream": record.stream,
        "input_tokens": _whole(record.input_tokens, MOST_TOKENS),
        "output_tokens": _whole(record.output_tokens, MOST_TOKENS),
        "cached_tokens": _whole(record.cached_tokens, MOST_TOKENS),
        "cache_write_tokens": _whole(record.cache_write_tokens, MOST_TOKENS),
        "reasoning_tokens": _whole(record.reasoning_tokens, MOST_TOKENS),
        "usage_estimated": record.usage_estimated,
        "cost_nano_usd": None if record.cost_nano_usd is None else _whole(record.cost_nano_usd, _LONG),
        "latency_ms": _finite(record.latency_ms) or 0.0,
        "time_to_first_token_ms": _finite(record.time_to_first_token_ms),
        "overhead_ms": _finite(record.overhead_ms) or 0.0,
        "created_at": created_at,
        "trace": call_trace.stored(record.trace),
        **{name: _clean(getattr(record, name))[:length] for name, length in _LENGTHS.items()},
    }


def day_of(call_id: str) -> date | None:
    """The UTC day that a UUIDv7 was made on: the partition of its row. None where it tells no time."""
    try:
        return datetime.fromtimestamp(call_ids.timestamp(call_id), tz=UTC).date()
    except (ValueError, OverflowError, OSError):
        return None


def named(name: str) -> QuerySet[Call]:
    """The calls of that call id, or with that request id (a caller's label: several may bear it), newest first."""
    name = _clean(name)
    try:
        call_id = uuid.UUID(name)
    except ValueError:
        return Call.objects.filter(request_id=name)
    found = Call.objects.filter(call_id=call_id)
    day = day_of(str(call_id))
    if day is not None:
        found = found.filter(day=day)  # so that PostgreSQL looks into one partition
    return found if found.exists() else Call.objects.filter(request_id=name)


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"no moment of time: {seconds}") from error


def _clean(text: str) -> str:
    # PostgreSQL stores no NUL, neither in text nor in JSON.
    return text.replace("\x00", "")


def _whole(value: int, largest: int) -> int:
    return max(0, min(value, largest))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
