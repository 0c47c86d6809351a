"""The fields of a change as people read them: short values as old and new, long text and JSON line by line, lists item
by item. Pure. Secrets are not in the history; their fingerprints are shown, and said to be such."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from audit.diff import EMPTY, Change, readable

Sign = Literal["+", "-", " ", "…"]
LONGEST_IN_LINE = 100  # characters
CONTEXT = 2  # unchanged lines round a changed one
MOST_LINES = 400
LABELS = {"fingerprint": "secret (fingerprint)", "last4": "secret (last four characters)"}


@dataclass(frozen=True, slots=True)
class Line:
    sign: Sign
    text: str

    @property
    def word(self) -> str:
        """What the sign says, for who cannot see colours."""
        return {"+": "added", "-": "removed"}.get(self.sign, "")


@dataclass(frozen=True, slots=True)
class Field:
    """Either `old` and `new` (None: there was, or is, no object), or `lines`."""

    label: str
    old: str | None = None
    new: str | None = None
    lines: tuple[Line, ...] = ()


def of(change: Change) -> list[Field]:
    """What is empty in a new or deleted object is left out."""
    found = []
    for name, value in change.fields.items():
        field = _field(LABELS.get(name, name), value["old"], value["new"], action=change.action)
        if field is not None:
            found.append(field)
    return found


def _field(label: str, old: Any, new: Any, *, action: str) -> Field | None:
    if action != "update" and readable(new if action == "create" else old) == EMPTY:
        return None
    if _is_short(old) and _is_short(new):
        return Field(
            label,
            old=None if action == "create" else readable(old),
            new=None if action == "delete" else readable(new),
        )
    return Field(label, lines=tuple(_changed(_lines(old), _lines(new))))


def _is_short(value: Any) -> bool:
    if isinstance(value, dict | list) and len(value) > 1:
        return False
    text = readable(value)
    return len(text) <= LONGEST_IN_LINE and "\n" not in text


def _lines(value: Any) -> list[str]:
    """A list's items, an object's or a text's lines."""
    if value is None or value in ("", [], {}):
        return []
    if isinstance(value, str):
        return value.splitlines()
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value]
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).splitlines()


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT)
    told = 0
    for number, group in enumerate(groups):
        if number:
            yield Line("…", "")
        for line in _group(group, old, new):
            told += 1
            if told > MOST_LINES:
                yield Line("…", f"{len(old)} lines became {len(new)}")
                return
            yield line


def _group(group: Sequence[tuple[str, int, int, int, int]], old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    for tag, first, last, new_first, new_last in group:
        if tag == "equal":
            yield from (Line(" ", text) for text in old[first:last])
            continue
        yield from (Line("-", text) for text in old[first:last])
        yield from (Line("+", text) for text in new[new_first:new_last])
