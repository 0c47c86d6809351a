"""Orders of the control plane to the processes that serve calls: close this breaker, open that one.

They go by a table, so that they arrive with and without Redis: each process asks for the newest id along with the
revision, and reads what is newer than the last one that it saw.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from django.db import connection, transaction
from django.db.models import QuerySet, Subquery

from audit import health_events, health_state
from audit.health_models import HealthOrder, HealthState, Subject
from audit.models import RevisionCounter
from llm.observe import call_id as ids
from llm.observe.health_event import Category, Cause, HealthEvent, State, SubjectKind

Action = Literal["close", "open"]
BECOMES: Final[dict[Action, State]] = {"close": "closed", "open": "open"}


def give(
    *,
    kind: SubjectKind,
    name: str,
    action: Action,
    cause: Cause,
    now: datetime,
    category: Category = "",
    given_by: str = "",
    reason: str = "",
) -> HealthOrder:
    """Tells all processes, and makes the subject's state what was ordered, also where no process is running."""
    with transaction.atomic():
        _one_at_a_time()
        order = HealthOrder.objects.create(
            kind=kind,
            name=name,
            provider=health_state.provider_of(name),
            action=action,
            category=category,
            cause=cause,
            given_by=given_by[:200],
            reason=reason,
            at=now,
        )
        _tell(order, now)
    return order


def after(last: int) -> QuerySet[HealthOrder]:
    """The orders newer than that one, oldest first."""
    return HealthOrder.objects.filter(id__gt=last).order_by("id")


def newest() -> int:
    """The newest order's id; 0 where there is none."""
    return HealthOrder.objects.order_by("-id").values_list("id", flat=True).first() or 0


def with_revision() -> tuple[int, int]:
    """The newest revision and the newest order's id, by one cheap query; 0 where there is none."""
    order = Subquery(HealthOrder.objects.order_by("-id").values("id")[:1])
    found = RevisionCounter.objects.filter(pk=1).values_list("revision", order).first()
    return (found[0], found[1] or 0) if found else (0, newest())


def _tell(order: HealthOrder, now: datetime) -> None:
    state = HealthState.objects.select_for_update().filter(kind=order.kind, name=order.name).first()
    old, new = (state.state if state else Subject.State.CLOSED), BECOMES[order.action]
    if old == new:
        return
    at = max(now, state.told_at) if state else now  # an order holds also where a machine's clock is ahead
    health_events.insert(
        [
            HealthEvent(
                event_id=ids.new(),
                at=at.timestamp(),
                kind=order.kind,
                name=order.name,
                old=old,
                new=new,
                category=order.category,
                cause=order.cause,
            )
        ]
    )


def _one_at_a_time() -> None:
    """So that the order of commits is that of ids: a reader who saw the later one never asks for an earlier one. On
    SQLite a transaction that writes is alone anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {HealthOrder._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
