"""Tells of a change of a subject's state: the log, the events, the metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from llm.observe import call_id, metrics
from llm.observe.health_event import HealthEvent, State
from llm.policies.subject import Change, Subject

logger = logging.getLogger(__name__)

_LEVELS: Final[dict[State, int]] = {"closed": 0, "cooling": 1, "half_open": 1, "open": 2}


def tell(change: Change, into: Callable[[HealthEvent], None] | None) -> None:
    """One line in the log, and an event where there is somebody to tell it to."""
    subject = change.subject
    facts = {
        "kind": subject.kind,
        "subject": subject.name,
        "old": change.old,
        "new": change.new,
        "category": change.category,
        "cause": change.cause,
        "until": change.until,
        "failures": change.failures,
    }
    if change.new == "open":
        logger.warning("health changed", extra=facts)
    else:
        logger.info("health changed", extra=facts)
    if into is None:
        return
    event = HealthEvent(
        event_id=call_id.new(),
        at=change.at,
        kind=subject.kind,
        name=subject.name,
        old=change.old,
        new=change.new,
        category=change.category,
        cause=change.cause,
        until=change.until,
        failures=change.failures,
    )
    try:
        into(event)
    except Exception:  # reason: an event that cannot be told must not fail the call that saw it
        logger.exception("a change of health could not be told", extra={"subject": subject.name})


def count(subject: Subject, state: State, until: float) -> None:
    """For the metrics; keys are not counted there."""
    if subject.kind != "key":
        provider, _, model = subject.name.partition("/")
        metrics.breaker(provider, model, _LEVELS[state], 0.0 if state == "half_open" else until)
