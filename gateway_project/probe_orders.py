"""What a probe says about health, as orders to the processes that serve calls: the table of
docs/decisions/0013-failover.md, with the patience of somebody who asks rarely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from audit import health_orders, health_state
from audit.health_models import HealthEvent, HealthState, Subject
from llm.errors import CredentialsExhausted, GatewayError
from llm.observe.health_event import SubjectKind
from llm.policies import evidence
from llm.policies.evidence import Evidence
from providers.testing import Trial

IN_A_ROW: Final = 2  # one failure is noise
RELAPSE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """`good` and `bad` are subjects (kind, name) of which the probe said so."""

    said: Evidence
    good: tuple[tuple[SubjectKind, str], ...]
    bad: tuple[tuple[SubjectKind, str], ...]

    @property
    def failed(self) -> bool | None:
        """None: it said nothing, neither well nor ill."""
        return bool(self.bad) if self.said is not evidence.NOTHING else None


def found(trial: Trial) -> Finding:
    """What the trial, which is over, said. Nothing where there was no call to make, or the fault was ours."""
    said = _evidence(trial)
    provider = trial.provider.provider_id
    subjects: list[tuple[SubjectKind, str, str]] = [
        ("provider", provider, said.provider),
        ("model", f"{provider}/{trial.model}", said.model),
    ]
    if trial.key_id:
        subjects.append(("key", f"{provider}/{trial.key_id}", said.key))
    good = tuple((kind, name) for kind, name, verdict in subjects if verdict == "good")
    bad = tuple((kind, name) for kind, name, verdict in subjects if verdict in ("bad", "refused"))
    return Finding(said, good, bad)


def of_key_alone(finding: Finding) -> Finding:
    """What it said ill of others than the key left out."""
    return replace(finding, bad=tuple((kind, name) for kind, name in finding.bad if kind == "key"))


def give(finding: Finding, *, failures: int, before: Mapping[health_state.Key, HealthState], now: datetime) -> None:
    """`failures`: so many in a row say the same as this one, with it. `before`: what was open before it was asked; one
    process may have told since that it closed, by this very probe, and others not know it."""
    for kind, name in _to_close(finding, before, now):
        health_orders.give(kind=kind, name=name, action="close", cause="probe", now=now)
    for kind, name in finding.bad:
        # Once certainly, then where calls would try it again: not all processes know what one of them knows.
        if failures == IN_A_ROW or (failures > IN_A_ROW and not health_state.is_open(kind, name, now=now)):
            category = finding.said.category
            health_orders.give(kind=kind, name=name, action="open", cause="probe", category=category, now=now)


def _to_close(
    finding: Finding, before: Mapping[health_state.Key, HealthState], now: datetime
) -> Iterator[tuple[SubjectKind, str]]:
    for kind, name in finding.good:
        state = health_state.unfinished().filter(kind=kind, name=name).first() or before.get((kind, name))
        if state is None:
            continue
        waits = state.until is not None and now < state.until
        if not (waits and _was_too_early(kind, name, now)):
            yield kind, name


def _was_too_early(kind: SubjectKind, name: str, now: datetime) -> bool:
    """Did it open again soon after a probe closed it? Then it answers probes, and not calls: it has its time."""
    closed = HealthEvent.objects.filter(kind=kind, name=name, new=Subject.State.CLOSED, cause=Subject.Cause.PROBE)
    return closed.filter(at__gt=now - RELAPSE).exists()


def _evidence(trial: Trial) -> Evidence:
    if trial.call is None:
        return evidence.NOTHING
    error: BaseException | None = trial.error
    if error is None:
        return evidence.SUCCESS
    if isinstance(error, CredentialsExhausted):
        error = error.__cause__  # the refusal of the only key that was asked with; none where there was no key
    return evidence.of(error, has_key=bool(trial.key_id)) if isinstance(error, GatewayError) else evidence.NOTHING
