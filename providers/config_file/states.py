"""The configuration as a flat mapping: object name ("model:openai/gpt-4o") -> its dump, as audit registers it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from audit import history
from providers.config_file import kinds

State = Mapping[str, Any]
States = Mapping[str, State]
_LONGEST = 60  # characters of a value in a plan


def read(*, user: Any = None) -> dict[str, dict[str, Any]]:
    """The database now; with `user`, what this user may see. Secrets are no column of the history, and are not read."""
    found = {}
    for model in kinds.models().values():
        entry = history.registration(model)
        columns = [field.attname for field in model.history.model.tracked_fields]
        sees_all = user is None or entry.visible(user, "")
        for row in model._default_manager.values(*columns):
            name = entry.natural_key(row)
            if sees_all or entry.visible(user, name):
                found[name] = entry.dump(row)
    return found


def plan(before: States, after: States) -> list[str]:
    """What changed, a line an object: `+ route:fast`, `~ model:p/m: weight 1 -> 2`, `- project:old`."""
    return list(_lines(before, after))


def _lines(before: States, after: States) -> Iterator[str]:
    for name in sorted({**before, **after}, key=_order):
        if name not in before:
            yield f"+ {name}"
        elif name not in after:
            yield f"- {name}"
        elif before[name] != after[name]:
            yield f"~ {name}: {', '.join(_changes(before[name], after[name]))}"


def _order(name: str) -> tuple[int, str]:
    return list(kinds.models()).index(kinds.kind_of(name)), name


def _changes(before: State, after: State) -> Iterator[str]:
    for field in after:
        if not same(before.get(field), after[field]):
            yield f"{field} {_shown(before.get(field))} -> {_shown(after[field])}"


def same(one: Any, other: Any) -> bool:
    """In Python 1 == True; in JSON they differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
