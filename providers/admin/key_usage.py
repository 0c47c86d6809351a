"""How much a key was used, by day, on its page."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.html import format_html_join
from unfold.decorators import display

from audit import key_rollups
from providers.models import ApiKey

DAYS: Final = 7


class UsedByDay:
    @display(description="Used in the last days (UTC)")
    def shown_usage(self, key: ApiKey) -> Any:
        today = timezone.now().astimezone(UTC).date()
        days = key_rollups.by_day(key.provider_id, key.key_id, since=today - timedelta(days=DAYS - 1), until=today)
        lines = [(row["day"], row["requests"], row["input_tokens"] + row["output_tokens"]) for row in days]
        return format_html_join("", "<div>{}: {} calls, {} tokens</div>", lines) or "no calls"
