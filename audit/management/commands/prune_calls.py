"""manage.py prune_calls --older-than 90d: deletes old calls, and what is as old of health."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from audit import health_events
from audit.prune import prune_calls

PROGRESS_SECONDS = 2.0


def days(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,4})d", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, as 90d is one.")
    return timedelta(days=int(found[1]))


class Command(BaseCommand):
    help = (
        "Deletes the calls of days (UTC) that ended longer ago than this, and prints how many. Totals are kept. "
        "Changes of health and incidents that ended go with them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=days, required=True, metavar="90d")

    def handle(self, *args: Any, **options: Any) -> None:
        older_than, now = options["older_than"], datetime.now(UTC)
        try:
            deleted = prune_calls(older_than=older_than, now=now, progress=self._progress())
            health_events.prune(older_than=older_than, now=now)
        except OperationalError as error:
            raise CommandError(f"The calls could not all be deleted: {error} Run it again.") from error
        self.stdout.write(str(deleted))

    def _progress(self) -> Callable[[int], None]:
        """Tells on stderr, every two seconds: stdout is for the figure that was asked for."""
        told_at = time.monotonic()

        def tell(deleted: int) -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= PROGRESS_SECONDS:
                told_at = time.monotonic()
                self.stderr.write(f"{deleted} calls deleted so far", style_func=str)

        return tell
