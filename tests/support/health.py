"""Changes of health as the data plane tells them, for tests of what becomes of them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from llm.observe import call_id as ids
from llm.observe.health_event import HealthEvent

BEGAN = datetime(2031, 5, 17, 12, tzinfo=UTC).timestamp()


def event(seconds: float, *, began: float = BEGAN, **fields: Any) -> HealthEvent:
    """The provider openai becomes open, so many seconds after `began`, where nothing else is said."""
    at = began + seconds
    given: dict[str, Any] = {
        "event_id": ids.new(lambda: int(at * 1e9)),
        "at": at,
        "kind": "provider",
        "name": "openai",
        "old": "closed",
        "new": "open",
        "failures": 5,
    }
    return HealthEvent(**{**given, **fields})


def a_bad_day() -> list[HealthEvent]:
    """Of the last 24 hours: a provider was away twice, a model of it is open, a key of it cools down."""
    now = time.time()
    model: dict[str, Any] = {"kind": "model", "name": "openai/gpt-4o", "category": "server", "began": now}
    return [
        event(-70_000, began=now, category="connection", until=now - 69_995),
        event(-69_100, began=now, old="open", new="closed"),
        event(-9000, began=now, category="timeout"),
        event(-8995, began=now, category="timeout", old="open", new="half_open"),
        event(-8990, began=now, old="half_open", new="closed", cause="probe"),
        event(-300, **model, until=now - 295),
        event(-295, **model, old="open", new="half_open"),
        event(-294, **model, old="half_open", until=now + 3600),
        event(-5, began=now, kind="key", name="openai/k1", new="cooling", category="rate_limit", until=now + 3600),
    ]
