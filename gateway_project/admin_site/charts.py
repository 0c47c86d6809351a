"""The dashboard's charts, as the data and options that unfold's chart component takes (Chart.js)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from audit.usage import Overview, Window
from gateway_project.templatetags.figures import count, milliseconds

MAIN, RED, AMBER, GREY = "var(--color-primary-500)", "#ef4444", "#f59e0b", "#9ca3af"
# Readable on white and on the dark theme's background; the lines' colour comes from unfold, by theme.
_TEXT = "#78818f"
Label = str | list[str]
Rows = Sequence[tuple[str, str, Sequence[float | None]]]


@dataclass(frozen=True, slots=True)
class Chart:
    """`kind` is bar or line; `legend` are names and colours; `summary` says in words what a reader cannot see."""

    title: str
    kind: str
    data: str
    options: str
    legend: tuple[tuple[str, str], ...]
    summary: str


def of(overview: Overview) -> tuple[Chart, ...]:
    totals, points = overview.totals, [bucket.totals for bucket in overview.series]
    labels = [_label(bucket.start, overview.window) for bucket in overview.series]
    return (
        _bars(
            "Calls",
            labels,
            [
                ("succeeded", MAIN, [point.succeeded for point in points]),
                ("failed", RED, [point.failed for point in points]),
                ("cancelled", GREY, [point.cancelled for point in points]),
            ],
            summary=f"{totals.succeeded} succeeded, {totals.failed} failed, {totals.cancelled} cancelled",
        ),
        _lines(
            "Latency",
            labels,
            [
                ("p50", MAIN, [_rounded(point.p50_ms) for point in points]),
                ("p95", AMBER, [_rounded(point.p95_ms) for point in points]),
            ],
            summary=f"p50 {milliseconds(totals.p50_ms)}, p95 {milliseconds(totals.p95_ms)}",
        ),
        _bars(
            "Tokens",
            labels,
            [
                ("input", MAIN, [point.input_tokens for point in points]),
                ("output", AMBER, [point.output_tokens for point in points]),
            ],
            summary=f"{count(totals.input_tokens)} input, {count(totals.output_tokens)} output",
        ),
    )


def _bars(title: str, labels: Sequence[Label], rows: Rows, *, summary: str) -> Chart:
    look = {"maxBarThickness": 18, "barPercentage": 0.9, "categoryPercentage": 0.9, "borderRadius": 2}
    options = _options({"notation": "compact", "minimumFractionDigits": 0, "maximumFractionDigits": 1}, stacked=True)
    return _chart(title, "bar", labels, rows, summary=summary, look=look, options=options)


def _lines(title: str, labels: Sequence[Label], rows: Rows, *, summary: str) -> Chart:
    # With marks: a lone point makes no line.
    look = {"spanGaps": True, "pointStyle": "circle", "pointRadius": 1.5, "borderWidth": 2, "tension": 0.2}
    options = _options({"style": "unit", "unit": "millisecond"}, stacked=False)
    return _chart(title, "line", labels, rows, summary=summary, look=look, options=options)


def _chart(
    title: str,
    kind: str,
    labels: Sequence[Label],
    rows: Rows,
    *,
    summary: str,
    look: dict[str, Any],
    options: dict[str, Any],
) -> Chart:
    datasets = [
        {"label": name, "data": list(values), "backgroundColor": colour, "borderColor": colour, **look}
        for name, colour, values in rows
    ]
    return Chart(
        title=title,
        kind=kind,
        data=json.dumps({"labels": list(labels), "datasets": datasets}),
        options=json.dumps(options),
        legend=tuple((name, colour) for name, colour, _ in rows),
        summary=summary,
    )


def _options(numbers: dict[str, Any], *, stacked: bool) -> dict[str, Any]:
    """Chart.js's own, in place of unfold's; `numbers` is how the axis writes them (Intl.NumberFormat)."""
    across = {"color": _TEXT, "maxRotation": 0, "autoSkipPadding": 14, "maxTicksLimit": 7}
    up = {"color": _TEXT, "maxTicksLimit": 5, "precision": 0, "padding": 6, "format": numbers}
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"display": False}, "tooltip": {"boxPadding": 4, "usePointStyle": True}},
        "scales": {
            "x": {"stacked": stacked, "grid": {"display": False}, "border": {"display": False}, "ticks": across},
            "y": {
                "stacked": stacked,
                "beginAtZero": True,
                "grid": {"lineWidth": 0.5, "drawTicks": False},
                "border": {"display": False},
                "ticks": up,
            },
        },
    }


def _label(start: datetime, window: Window) -> Label:
    """When a point begins; a week's in two lines."""
    local = timezone.localtime(start)
    return local.strftime("%H:%M") if window != "7d" else [f"{local:%a} {local.day}", local.strftime("%H:%M")]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1 if value < 100 else None)
