"""Carries a plan out: a revert is a forward change, validated as any other, in one new change set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import history, plan
from audit.errors import Duplicate, InUse
from audit.history import OpenChangeSet
from audit.plan import Plan, Step

# The rights that both doors, the page and REST, ask for; `permitted` asks for those over each step beside them.
RIGHT = "audit.revert_changeset"
EVERYTHING = "audit.revert_everything"
Write = Callable[[Step], None]


class PlanChanged(Exception):
    """The configuration has changed since the plan was shown: it would do something else now."""


class _Undo(Exception):
    """Ends a rehearsal: what it wrote is rolled back."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to revert: the change set `undo`, or everything (or `objects`) back to the revision `to`."""

    undo: int | None = None
    to: int | None = None
    objects: Sequence[str] | None = None

    def plan(self) -> Plan:
        if self.undo is not None:
            return plan.undo(self.undo)
        return plan.back_to(self.to or 0, objects=self.objects)

    @property
    def is_everything(self) -> bool:
        return self.undo is None and self.objects is None

    @property
    def reason(self) -> str:
        return f"Undoes revision {self.undo}." if self.undo is not None else f"Goes back to revision {self.to}."


def permitted(user: Any, planned: Plan) -> bool:
    """May `user` do, and see, every step of it?"""
    return all(
        step.entry.permits(user, step.action) and step.entry.visible(user, step.object) for step in planned.steps
    )


def rehearse(planned: Plan) -> ValidationError | None:
    """What carrying the plan out would be refused for; None where it would not be. Nothing stays written."""
    try:
        with transaction.atomic(), history.change_set():
            _carry_out(planned.steps)
            raise _Undo
    except _Undo:
        return None
    except ValidationError as error:
        return error


def apply(target: Target, *, plan_hash: str, draft: OpenChangeSet, check: Callable[[Plan], None]) -> Plan:
    """Plans again inside the open change set `draft`, where nobody else writes, and carries that out.

    PlanChanged where it is another plan than the one of `plan_hash`; `check(plan)` raises where it may not be;
    ValidationError({object: [messages]}), or its 409 forms, where the services refuse a step.
    """
    planned = target.plan()
    if planned.hash != plan_hash:
        raise PlanChanged
    check(planned)
    draft.reverts = planned.reverts
    _carry_out(planned.steps)
    return planned


def _carry_out(steps: Iterable[Step]) -> None:
    written = [step for step in steps if step.then is not None]
    deleted = [step for step in steps if step.then is None]
    # What nobody names goes first: its names may be wanted by what is written.
    first = [step for step in deleted if _reverting(step).vacate is not None]
    last = [step for step in deleted if _reverting(step).vacate is None]
    _run(first, _delete)
    for step in written:
        vacate = _reverting(step).vacate
        if vacate is not None and step.now is not None and step.then is not None:
            vacate(step.now, step.then)
    _run(sorted(written, key=lambda step: _reverting(step).rank), _restore)
    _run(sorted(last, key=lambda step: -_reverting(step).rank), _delete)


def _run(steps: Sequence[Step], write: Write) -> None:
    """Steps may need each other within a rank: what is refused is tried again for as long as others go through."""
    waiting = list(steps)
    while waiting:
        refused: dict[str, tuple[Step, ValidationError]] = {}
        for step in waiting:
            try:
                with transaction.atomic():
                    write(step)
            except ValidationError as error:
                refused[step.object] = (step, error)
        if len(refused) == len(waiting):
            raise _named([(step.object, error) for step, error in refused.values()])
        waiting = [step for step, _ in refused.values()]


def _restore(step: Step) -> None:
    if step.then is not None:
        _reverting(step).restore(step.then)


def _delete(step: Step) -> None:
    if step.now is not None:
        _reverting(step).delete(step.now)


def _reverting(step: Step) -> Any:
    return step.entry.reverting


def _named(refused: Sequence[tuple[str, ValidationError]]) -> ValidationError:
    """One error over all objects: {"route:fast": ["targets.0.model: There is no model ..."]}."""
    found = {name: lines(error) for name, error in refused}
    kinds = {type(error) for _, error in refused}
    kind = kinds.pop() if len(kinds) == 1 else ValidationError
    return kind(found) if kind in (Duplicate, InUse) else ValidationError(found)


def lines(error: ValidationError) -> list[str]:
    """What it says, a line each, with the field where it names one."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [f"{field}: {text}" for field, texts in error.message_dict.items() for text in texts]
