"""The conditions of a call as the database knows them, for what is told and not called.

Processes that serve calls know more: what they saw a moment ago, how many attempts are under way, whose turn it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import inf
from typing import Final, Protocol

from audit import usage
from audit.models import CallRollup
from llm.observe.health_event import Category, State, SubjectKind
from llm.policies.board import bar_of
from llm.policies.plan import Bar, Candidate
from llm.policies.subject import Subject

_HOUR: Final = timedelta(hours=1)


class Row(Protocol):
    """The newest state of a provider, a model or a key, as `audit.health_models.HealthState` has it."""

    kind: str
    name: str
    state: State
    category: Category
    until: datetime | None


class KnownConditions:
    """`llm.policies.plan.Conditions`. `states` are those of all subjects, or of those that matter; `moment` is now."""

    def __init__(self, states: Iterable[Row], *, moment: datetime) -> None:
        self._states = {(row.kind, row.name): row for row in states if row.state != "closed"}
        self._since = moment - _HOUR
        self._first_tokens: dict[str, float | None] = {}

    @property
    def troubled(self) -> bool:
        return bool(self._states)

    def bar(self, candidate: Candidate, now: float) -> Bar | None:
        """As `llm.policies.board` says it: what is broken before what cools down; of equals what lasts longest."""
        found = [self._bar(kind, name, now) for kind, name in _subjects(candidate)]
        return max((one for one in found if one is not None), key=_weight, default=None)

    def first_token(self, candidate: Candidate) -> float | None:
        """The median of the last hour's streams."""
        if candidate.name not in self._first_tokens:
            rollups = CallRollup.objects.filter(
                grain=CallRollup.Grain.MINUTE,
                start__gte=self._since,
                provider=candidate.upstream.provider_id,
                model=candidate.model_id,
            )
            median = usage.totals(rollups).ttft_p50_ms
            self._first_tokens[candidate.name] = None if median is None else median / 1000
        return self._first_tokens[candidate.name]

    def busy(self, candidate: Candidate) -> int:
        return 0

    def turn(self, route: str) -> int:
        return 0

    def _bar(self, kind: SubjectKind, name: str, now: float) -> Bar | None:
        row = self._states.get((kind, name))
        if row is None:
            return None
        until = row.until.timestamp() if row.until is not None else 0.0
        if until <= now and (row.state != "open" or until):
            return None  # a limit is lifted; what was open is probed by the next call
        return bar_of(Subject(kind, name), row.state, row.category, until, now)


def _subjects(candidate: Candidate) -> list[tuple[SubjectKind, str]]:
    provider = candidate.upstream.provider_id
    found: list[tuple[SubjectKind, str]] = [("provider", provider), ("model", candidate.name)]
    return found if candidate.key is None else [*found, ("key", f"{provider}/{candidate.key.key_id}")]


def _weight(bar: Bar) -> tuple[bool, float]:
    return not bar.waits, bar.until or inf
