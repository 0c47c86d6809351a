"""How figures are written on the admin's own pages; a dash where nothing was measured."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils.timesince import timesince

register = template.Library()
NOTHING = "–"


@register.filter
def count(value: int) -> str:
    """12,345 in full up to six digits, then 1.2 M."""
    for size, unit in ((10**9, "G"), (10**6, "M")):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:,}"


@register.filter
def counted(value: int, word: str) -> str:
    return f"{count(value)} {word}"


@register.filter
def percent(value: float | None) -> str:
    """Never 100 % where one failed, and never 0 % where one did not."""
    if value is None:
        return NOTHING
    shown = f"{value * 100:.1f}"
    if shown == "100.0":
        return "100 %" if value == 1 else "> 99.9 %"
    if shown == "0.0":
        return "0 %" if value == 0 else "< 0.1 %"
    return f"{shown} %"


@register.filter
def milliseconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


@register.filter
def ago(moment: datetime, now: datetime) -> str:
    """The largest unit only: "3 hours ago". "just now" for less than a minute, and for a clock that is ahead."""
    if now - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, now, depth=1)} ago"
