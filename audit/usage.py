"""What a dashboard shows of the calls: totals, series, quantiles, by provider and model, latest errors.

All figures come from the rollups, so they cost the same with a million calls and with a hundred million; only the
latest errors are rows of the Call table, by an index of their own. Figures lag behind the calls by the ingester's
pause, a fraction of a second. Quantiles are estimates from fixed buckets (`audit.histogram`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.models import Max, QuerySet, Sum

from audit import histogram
from audit.models import Call, CallRollup

Window = Literal["1h", "24h", "7d"]
WINDOWS: tuple[Window, ...] = ("1h", "24h", "7d")
LATEST_ERRORS = 10
MOST_MODELS = 20

_LATENCY = histogram.columns("latency")
_TTFT = histogram.columns("ttft")
_COUNTERS = (
    "requests", "succeeded", "failed", "cancelled", "client_errors", "throttled", "server_errors", "broken_streams",
    "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of calls and tokens. `failed` is the sum of the four kinds of error: `client_errors` (4xx but 429),
    `throttled` (429), `server_errors` (5xx), `broken_streams` (failed after the answer's 200). A cancelled call (its
    caller left) is no error. `input_tokens` includes cached and cache-write tokens; durations are in milliseconds and
    None where nothing was measured; `ttft` is the time to the first token of streams."""

    requests: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    client_errors: int = 0
    throttled: int = 0
    server_errors: int = 0
    broken_streams: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    ttft_p50_ms: float | None = None
    ttft_p95_ms: float | None = None

    @property
    def success_rate(self) -> float | None:
        """0 to 1, of the calls that ended by themselves; None where there were none."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Bucket:
    """One point of the series: the calls that began in [start, start + step)."""

    start: datetime
    totals: Totals


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """`last_call_at` is the beginning of the newest call within the window."""

    provider: str
    totals: Totals
    last_call_at: datetime


@dataclass(frozen=True, slots=True)
class ModelRow:
    provider: str
    model: str
    totals: Totals
    last_call_at: datetime


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One failed call; `call_id` leads to its page."""

    call_id: str
    created_at: datetime
    project: str
    requested_model: str
    provider: str
    model: str
    http_status: int
    error_code: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Overview:
    """`since` is included, rounded down to a whole `step`; `until` is `now`. `series` has every bucket, oldest first,
    the empty ones too; its last one is still running. Providers and models: most used first, models at most 20; calls
    that ended before a provider was chosen are in the totals only. `latest_errors`: newest first, at most 10."""

    window: Window
    since: datetime
    until: datetime
    step: timedelta
    totals: Totals
    series: tuple[Bucket, ...]
    by_provider: tuple[ProviderRow, ...]
    by_model: tuple[ModelRow, ...]
    latest_errors: tuple[ErrorRow, ...]

    @property
    def success_rate(self) -> float | None:
        return self.totals.success_rate

    @property
    def tokens(self) -> int:
        return self.totals.tokens

    @property
    def p50_ms(self) -> float | None:
        return self.totals.p50_ms

    @property
    def p95_ms(self) -> float | None:
        return self.totals.p95_ms

    @property
    def ttft_p50_ms(self) -> float | None:
        return self.totals.ttft_p50_ms

    @property
    def ttft_p95_ms(self) -> float | None:
        return self.totals.ttft_p95_ms


@dataclass(frozen=True, slots=True)
class _Span:
    grain: str
    length: timedelta
    step: timedelta


_SPANS: dict[Window, _Span] = {
    "1h": _Span(CallRollup.Grain.MINUTE, timedelta(hours=1), timedelta(minutes=1)),
    "24h": _Span(CallRollup.Grain.TOTAL, timedelta(hours=24), timedelta(hours=1)),
    "7d": _Span(CallRollup.Grain.TOTAL, timedelta(days=7), timedelta(hours=6)),
}


def overview(window: Window, *, now: datetime, providers: Collection[str] | None = None) -> Overview:
    """The calls of the last hour (by minute), day (by hour) or week (by six hours) before `now`, an aware time; with
    `providers`, only those that one of them served."""
    now = now.astimezone(UTC)
    span = _SPANS[window]
    since = _floor(now - span.length, span.step)
    served = {} if providers is None else {"provider__in": providers}
    rollups = CallRollup.objects.filter(grain=span.grain, start__gte=since, start__lte=now, **served)
    times = _summed(rollups, "start")
    models = _summed(rollups.exclude(provider=""), "provider", "model")
    return Overview(
        window=window,
        since=since,
        until=now,
        step=span.step,
        totals=_totals(times),
        series=_series(times, since=since, until=now, step=span.step),
        by_provider=_by_provider(models),
        by_model=_by_model(models)[:MOST_MODELS],
        latest_errors=_latest_errors(since=since, until=now, **served),
    )


def totals(rollups: QuerySet[CallRollup]) -> Totals:
    """The sum of the rollups, which are of one grain."""
    return _totals(_summed(rollups, "start"))


def series(rollups: QuerySet[CallRollup], *, since: datetime, until: datetime, step: timedelta) -> tuple[Bucket, ...]:
    """The rollups by time, the empty steps too, from `since` to that of `until`; both at the beginning of a step."""
    return _series(_summed(rollups, "start"), since=since, until=until, step=step)


def _floor(moment: datetime, step: timedelta) -> datetime:
    # Days are whole steps, so counting from midnight UTC meets the starts of the rollups.
    midnight = CallRollup.Grain.DAY.start_of(moment)
    return midnight + (moment - midnight) // step * step


def _summed(rollups: QuerySet[CallRollup], *names: str) -> list[dict[str, Any]]:
    sums = {f"sum_{name}": Sum(name) for name in (*_COUNTERS, *_LATENCY, *_TTFT)}
    return list(rollups.order_by().values(*names).annotate(newest=Max("last_at"), **sums))


def _totals(rows: Sequence[dict[str, Any]]) -> Totals:
    def added(names: Iterable[str]) -> list[int]:
        return [sum(int(row[f"sum_{name}"]) for row in rows) for name in names]

    latency, ttft = added(_LATENCY), added(_TTFT)
    return Totals(
        **dict(zip(_COUNTERS, added(_COUNTERS), strict=True)),
        p50_ms=histogram.quantile(latency, 0.50),
        p95_ms=histogram.quantile(latency, 0.95),
        p99_ms=histogram.quantile(latency, 0.99),
        ttft_p50_ms=histogram.quantile(ttft, 0.50),
        ttft_p95_ms=histogram.quantile(ttft, 0.95),
    )


def _series(rows: Iterable[dict[str, Any]], *, since: datetime, until: datetime, step: timedelta) -> tuple[Bucket, ...]:
    parts: dict[datetime, list[dict[str, Any]]] = {}
    for row in rows:
        parts.setdefault(_floor(row["start"], step), []).append(row)
    starts = [since + number * step for number in range((until - since) // step + 1)]
    return tuple(Bucket(start=start, totals=_totals(parts.get(start, []))) for start in starts)


def _by_provider(rows: Iterable[dict[str, Any]]) -> tuple[ProviderRow, ...]:
    parts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        parts.setdefault(row["provider"], []).append(row)
    found = [
        ProviderRow(provider=name, totals=_totals(part), last_call_at=max(row["newest"] for row in part))
        for name, part in parts.items()
    ]
    return tuple(sorted(found, key=lambda row: (-row.totals.requests, row.provider)))


def _by_model(rows: Iterable[dict[str, Any]]) -> tuple[ModelRow, ...]:
    found = [
        ModelRow(provider=row["provider"], model=row["model"], totals=_totals([row]), last_call_at=row["newest"])
        for row in rows
    ]
    return tuple(sorted(found, key=lambda row: (-row.totals.requests, row.provider, row.model)))


def _latest_errors(*, since: datetime, until: datetime, **served: Any) -> tuple[ErrorRow, ...]:
    # Spelled as in the index `call_failed`, so that successes are not read.
    failed = Call.objects.filter(status="failed", created_at__gte=since, created_at__lte=until, **served)
    names = tuple(ErrorRow.__dataclass_fields__)
    rows = failed.order_by("-created_at").values(*names)[:LATEST_ERRORS]
    return tuple(ErrorRow(**{**row, "call_id": str(row["call_id"])}) for row in rows)
