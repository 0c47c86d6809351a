"""What a revert would do: decided from the history alone, and written nowhere.

A plan is the same as long as the configuration is, and its hash tells whether it still is. Objects that cannot be put
back (tokens, grants: rights and credentials are given, not reverted) are named in `skipped`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from audit import diff, history, state
from audit.diff import Action, Pair
from audit.later import Conflict, Later
from audit.registration import Dump, Registration
from audit.state import State


@dataclass(frozen=True, slots=True)
class Step:
    """One object put back: `now` and `then` are its dumps, None where there is none. `fields` as of a change."""

    object: str
    action: Action
    fields: dict[str, dict[str, Any]]
    entry: Registration
    now: Dump | None
    then: Dump | None


@dataclass(slots=True)
class Plan:
    """`reverts` is the revision that is undone, or gone back to. `missing_secrets` names the objects whose secret of
    then is stored nowhere: they keep the one of now, or come back disabled and wait for it to be entered."""

    reverts: int
    steps: list[Step] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    missing_secrets: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def hash(self) -> str:
        told = [
            self.reverts,
            [(step.object, step.action, step.now, step.then) for step in self.steps],
            [(conflict.object, conflict.field, conflict.revision) for conflict in self.conflicts],
            self.missing_secrets,
            self.skipped,
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


Wanted = dict[str, Dump | None]


def kind_of(name: str) -> str:
    return name.partition(":")[0]


def undo(revision: int) -> Plan:
    """Takes back what that revision changed: what it made goes, what it deleted comes back, what it changed is put
    back field by field. Fields that it did not touch stay as they are now."""
    now, since = state.at(), Later(after=revision)
    wanted: Wanted = {}
    for name, pair in sorted(diff.pairs_of([revision])[revision].items()):
        change = diff.difference(name, pair.before, pair.after)
        if change is None:
            continue
        present = now.get(name)
        if present is None and change.action == "update":
            since.whole(name, pair.entry)  # it is gone: fields alone cannot be put back
            continue
        fields = list(change.fields) if change.action == "update" else [*(pair.after or pair.before or {})]
        wanted[name] = _undone(pair, present, fields)
        if present is not None and pair.entry.reverting is not None:
            since.compare(name, pair, present, fields)
    for name in sorted(_taken_along(wanted, now)):
        wanted[name] = None
        since.whole(name, history.by_kind()[kind_of(name)])
    plan = _plan(revision, wanted, now)
    plan.conflicts = since.conflicts
    return plan


def back_to(revision: int, *, objects: Collection[str] | None = None) -> Plan:
    """Puts these objects (None: everything) back to what they were at that revision.

    An object that goes takes along what belongs to it, and one that comes back brings it. ValidationError naming
    `objects` that there have never been, or that cannot be put back.
    """
    now, then = state.at(), state.at(revision)
    names = set(objects) if objects is not None else {*now, *then}
    if objects is not None:
        _check_known(names, now, then)
        wanted: Wanted = {name: then.get(name) for name in names}
        names |= _taken_along(wanted, now)
        names |= _brought_back({name for name in names if name not in now and name in then}, then)
    return _plan(revision, {name: then.get(name) for name in names}, now)


def _undone(pair: Pair, now: Dump | None, fields: Collection[str]) -> Dump | None:
    if pair.before is None:
        return None
    if pair.after is None or now is None:
        return pair.before
    if pair.entry.reverting is not None and not pair.entry.reverting.together.isdisjoint(fields):
        fields = {*fields, *pair.entry.reverting.together}
    return {**now, **{name: pair.before.get(name) for name in fields}}


def _plan(revision: int, wanted: Wanted, now: State) -> Plan:
    plan, entries = Plan(revision), history.by_kind()
    for name in sorted(wanted):
        entry, present, then = entries[kind_of(name)], now.get(name), wanted[name]
        if entry.reverting is None:
            if diff.difference(name, present, then) is not None:
                plan.skipped.append(name)
            continue
        if then is not None:
            attainable = entry.reverting.attainable(then, present)
            then = attainable.fields
            if attainable.secret_is_missing:
                plan.missing_secrets.append(name)
        change = diff.difference(name, present, then)
        if change is not None:
            plan.steps.append(Step(name, change.action, dict(change.fields), entry, present, then))
    return plan


def _parent(name: str, fields: Dump) -> str | None:
    entry = history.by_kind()[kind_of(name)]
    return entry.reverting.parent(fields) if entry.reverting is not None else None


def _taken_along(wanted: Wanted, now: State) -> set[str]:
    """What goes with the objects that go."""
    gone = {name for name, then in wanted.items() if then is None and name in now}
    return _brought_back(gone, now) - gone if gone else set()


def _brought_back(parents: set[str], objects: State) -> set[str]:
    if not parents:
        return set()
    return {name for name, fields in objects.items() if _parent(name, fields) in parents}


def _check_known(names: set[str], now: State, then: State) -> None:
    entries = history.by_kind()
    wrong = []
    for name in sorted(names):
        entry = entries.get(kind_of(name))
        if entry is None or (name not in now and name not in then):
            wrong.append(f'There is no "{name[:400]}" now, and there was none at that revision.')
        elif entry.reverting is None:
            wrong.append(f'"{name}" cannot be put back: what it grants is given anew.')
    if wrong:
        raise ValidationError({"objects": wrong})
