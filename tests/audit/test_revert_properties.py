"""Whatever is changed, going back to a revision gives the configuration of that revision, secrets apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import history, plan, state
from audit.plan import Plan
from audit.revert import Target, apply
from tests.audit.random_changes import SEQUENCES, make

pytestmark = pytest.mark.django_db
# What follows from a secret that is not stored any more.
OF_SECRETS = {
    "api_key": {"fingerprint", "last4", "bound_to", "enabled"},
    "parameter": {"fingerprint", "bound_to"},
    "project_key": {"last4", "enabled"},
}
EXAMPLES = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), print_blob=True
)


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def revert(target: Target) -> Plan:
    with history.change_set() as draft:
        return apply(target, plan_hash=target.plan().hash, draft=draft, check=lambda planned: None)


def without_secrets(found: state.State, missing: list[str]) -> state.State:
    return {
        name: {
            field: value
            for field, value in fields.items()
            if name not in missing or field not in OF_SECRETS[name.partition(":")[0]]
        }
        for name, fields in found.items()
    }


def moved(found: state.State) -> state.State:
    """What a stored secret is bound to stays with it, wherever the rest goes."""
    return {name: {**fields, "bound_to": ""} if "bound_to" in fields else fields for name, fields in found.items()}


@EXAMPLES
@given(groups=SEQUENCES, data=st.data())
def test_going_back_gives_the_configuration_of_then(groups: list[Any], data: st.DataObject) -> None:
    with rolled_back():
        states = {0: state.at()}
        states |= {make(group): state.at() for group in groups}
        number = data.draw(st.sampled_from(sorted(states)))
        assert state.at(number) == states[number]  # as of then, whatever was done since
        assert plan.back_to(number).hash == plan.back_to(number).hash
        planned = revert(Target(to=number))
        missing = planned.missing_secrets
        assert moved(without_secrets(state.at(), missing)) == moved(without_secrets(states[number], missing))
        assert revert(Target(to=number)).steps == []


@EXAMPLES
@given(groups=SEQUENCES)
def test_undoing_the_newest_change_set_and_undoing_that(groups: list[Any]) -> None:
    with rolled_back():
        states = {0: state.at()}
        states |= {make(group): state.at() for group in groups}
        newest = history.revision()
        if newest == 0:
            return
        planned = revert(Target(undo=newest))
        missing = [*planned.missing_secrets]
        assert planned.conflicts == []
        before = max(number for number in states if number < newest)
        assert moved(without_secrets(state.at(), missing)) == moved(without_secrets(states[before], missing))
        if history.revision() == newest:
            assert planned.steps == []
            return
        again = revert(Target(undo=history.revision()))
        missing += again.missing_secrets
        assert moved(without_secrets(state.at(), missing)) == moved(without_secrets(states[newest], missing))


@EXAMPLES
@given(groups=SEQUENCES, data=st.data())
def test_a_plan_is_what_becomes_of_it(groups: list[Any], data: st.DataObject) -> None:
    """Every step ends exactly where the plan said, and nothing else moves."""
    with rolled_back():
        numbers = sorted({make(group) for group in groups} - {0})
        if not numbers:
            return
        target = Target(undo=data.draw(st.sampled_from(numbers)))
        before = state.at()
        planned = target.plan()
        expected = {**before, **{step.object: step.then for step in planned.steps}}
        try:
            with transaction.atomic():
                revert(target)
        except plan.ValidationError:
            assert state.at() == before
            return
        assert state.at() == {name: fields for name, fields in expected.items() if fields is not None}
