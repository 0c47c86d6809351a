"""What a file asks for, given what it said when it was last applied and what the database says now. Pure.

Without a last time everything is written that the file states otherwise, and nothing is deleted. With one, only what
the file changed since is written; what was changed in the database since is kept, and told. What the file does not
name, and never named, is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.config_file import kinds
from providers.config_file.states import State, States, same
from providers.config_file.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Before:
    """An object as the file stated it when it was last applied, and its whole state in the database just after."""

    file: State
    database: State


@dataclass(frozen=True, slots=True)
class Order:
    """Write these fields of an object; `new`: it does not exist yet."""

    wanted: Wanted
    fields: frozenset[str]
    new: bool


@dataclass(slots=True)
class Decision:
    """`kept`: (object, field) whose value in the database stands against the file; the field is "" for an object that
    was deleted, or changed while the file dropped it."""

    orders: list[Order] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)


def merge(
    *, base: Mapping[str, Before], wanted: Mapping[str, Wanted], now: States, force: bool = False, prune: bool = False
) -> Decision:
    """`force`: the file wins over what was changed since. `prune`: what the file does not name is deleted."""
    decision = Decision()
    for name, want in wanted.items():
        if name in now:
            _merge_fields(decision, want, now[name], None if force else base.get(name))
        elif force or not _is_gone(name, base, now):
            decision.orders.append(Order(want, frozenset(want.fields), new=True))
        elif (parent := kinds.provider_of(name)) is None or not _is_gone(parent, base, now):
            decision.kept.append((name, ""))
    dropped = set(now if prune else base) & set(now) - set(wanted)
    for name in sorted(dropped):
        _drop(decision, name, dropped, base, now, unasked=force or prune)
    return decision


def _is_gone(name: str, base: Mapping[str, Before], now: States) -> bool:
    """Did somebody delete what the file had made, or the provider that it belongs to?"""
    parent = kinds.provider_of(name)
    return any(known in base and known not in now for known in (name, parent) if known is not None)


def _merge_fields(decision: Decision, want: Wanted, row: State, before: Before | None) -> None:
    fields = set()
    for name, value in want.fields.items():
        if before is None:
            if name not in row or not same(row[name], value):
                fields.add(name)
        elif name in before.database and not same(row.get(name), before.database[name]):
            if not same(row.get(name), value):
                decision.kept.append((want.name, name))
        elif name not in before.file or not same(before.file[name], value):
            fields.add(name)
    if fields:
        decision.orders.append(Order(want, frozenset(fields), new=False))


def _drop(
    decision: Decision, name: str, dropped: set[str], base: Mapping[str, Before], now: States, *, unasked: bool
) -> None:
    parent = kinds.provider_of(name)
    if parent in dropped:
        return  # it goes, or stays, with its provider
    family = [name]
    if kinds.kind_of(name) == kinds.PROVIDER_KIND:
        family += [child for child in now if kinds.provider_of(child) == name]
    if unasked or all(member in base and _untouched(base[member].database, now[member]) for member in family):
        decision.deletes.append(name)
    else:
        decision.kept.append((name, ""))


def _untouched(before: Mapping[str, Any], now: State) -> bool:
    return all(same(before[name], value) for name, value in now.items() if name in before)
