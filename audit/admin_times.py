"""Times on the pages of the history: how long ago, and a moment that somebody typed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timesince import timesince


def ago(moment: datetime, now: datetime) -> str:
    """The largest unit only: "3 hours ago"; "just now" for less than a minute."""
    if now - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, now, depth=1)} ago"


def parsed(text: str) -> datetime | None:
    """A date (its first moment) or a date and time, of the server's time zone where it names none; None for anything
    else."""
    try:
        day = parse_date(text)
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text)
    except ValueError:
        return None
    if found is None:
        return None
    return found if timezone.is_aware(found) else timezone.make_aware(found)
