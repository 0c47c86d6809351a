"""Revisions as callers name them: by number, or by a time that one held at."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import Http404
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.exceptions import ValidationError

from audit import state


def known(number: int) -> int:
    """404 where there has never been this revision; 0 is the empty configuration."""
    if not state.is_known(number):
        raise Http404
    return number


def revision(field: str, text: str) -> int:
    """A number, or a time with the revision that held then. ValidationError naming `field`; 404 as `known`."""
    if text.isascii() and text.isdigit():
        return known(number(field, text))
    return state.revision_at(moment(field, text))


def number(field: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValidationError({field: ["It must be the number of a revision."]})
    return int(text) if len(text) < 19 else known(-1)


def moment(field: str, text: str) -> datetime:
    """A time as in 2031-05-17T12:00:00Z; without a zone it is UTC, without a time the beginning of the day."""
    for spelled in (text, text.replace(" ", "+")):  # a plus sign that was not escaped arrives as a space
        found = _parsed(spelled)
        if found is not None:
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    raise ValidationError({field: ["It must be a revision or a time such as 2031-05-17T12:00:00Z."]})


def _parsed(text: str) -> datetime | None:
    try:
        day = parse_date(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day is not None else parse_datetime(text)
    except ValueError:
        return None
