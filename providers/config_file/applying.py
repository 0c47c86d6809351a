"""Applies a document: reads, decides, writes, all in one change set with origin `import`, or nothing of it.

The plan is what really changed between two readings of the database, so it cannot promise something else than what
is done; a dry run does it all and takes it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.utils import timezone

from audit.history import change_set
from llm.core import reading
from llm.core.reading import Document
from providers.config_file import merging, schema, states, wanted
from providers.config_file.merging import Before, Decision
from providers.config_file.wanted import Wanted
from providers.config_file.writing import Writer
from providers.errors import ConfigurationError
from providers.models import ConfigFileState


@dataclass(frozen=True, slots=True)
class Report:
    """`applied` is false where the file is as it was last time, or for a dry run. `plan`: a line an object, that begins
    with +, ~ or -. `kept`: what stands against the file and was kept, a line each. `revision` is the one that was made;
    None where nothing changed."""

    applied: bool
    plan: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    revision: int | None = None


class _TakeBack(Exception):
    """Ends a dry run."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    decision: Decision
    kept: list[tuple[str, str]]
    wanted: Mapping[str, Wanted]
    plan: list[str]
    after: states.States


def import_text(text: str | bytes, *, dry_run: bool = False, prune: bool = False, **source: Any) -> Report:
    """Writes what the text states; what it does not name stays, but with `prune` goes. `source`: of the change set.

    Raises ConfigurationError: no YAML, or what is wrong, a line each with its line and path in the text.
    """
    document = _document(text)
    outcome = None
    revision = None
    try:
        with change_set(**{"origin": "import", "reason": "configuration imported", **source}) as draft:
            outcome = _apply(document, base={}, prune=prune)
            if dry_run:
                raise _TakeBack
            revision = draft.revision if outcome.plan else None
    except _TakeBack:
        pass
    assert outcome is not None
    return Report(not dry_run, outcome.plan, _told(outcome), revision)


def sync(path: Path, *, force: bool = False) -> Report:
    """Applies the file at `path` where it changed since it was last applied, and of it what it changed; with `force`
    in any case, and over what was changed in the database since.

    Raises ConfigurationError: no such file, or as `import_text`.
    """
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    if not force and ConfigFileState.objects.filter(path=str(path), sha256=digest).exists():
        return Report(applied=False)
    document = _document(content)
    with change_set(origin="import", reason=f"configuration file {path.name}") as draft:
        base = _base(ConfigFileState.objects.filter(path=str(path)).first())
        outcome = _apply(document, base=base, force=force)
        ConfigFileState.objects.update_or_create(
            path=str(path),
            defaults={"sha256": digest, "applied_at": timezone.now(), "content": _remembered(outcome, base)},
        )
    return Report(True, outcome.plan, _told(outcome), draft.revision if outcome.plan else None)


def _apply(document: Document, *, base: Mapping[str, Before], force: bool = False, prune: bool = False) -> _Outcome:
    """Inside the change set, whose lock keeps the database as it is read."""
    before = states.read()
    objects = wanted.stored_names(document, wanted.objects(document), before)
    decision = merging.merge(base=_renamed(base, before), wanted=objects, now=before, force=force, prune=prune)
    writer = Writer(document, objects, before)
    writer.carry_out(decision)
    after = states.read()
    return _Outcome(decision, writer.kept, objects, states.plan(before, after), after)


def _document(text: str | bytes) -> Document:
    document = reading.read(text)
    schema.check(document)
    return document


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The configuration file {path} cannot be read.") from error


def _base(stored: ConfigFileState | None) -> dict[str, Before]:
    return {name: Before(**item) for name, item in (stored.content if stored is not None else {}).items()}


def _renamed(base: Mapping[str, Before], now: states.States) -> dict[str, Before]:
    named = wanted.resolver(now)
    return {named(name, item.file): item for name, item in base.items()}


def _remembered(outcome: _Outcome, base: Mapping[str, Before]) -> dict[str, Any]:
    """What the next time is compared with. What was kept against the file stays remembered as it was, so that it is
    kept, and told, until file and database agree again."""
    named = wanted.resolver(outcome.after)
    old = _renamed(base, outcome.after)
    kept: dict[str, set[str]] = {}
    for name, changed in outcome.decision.kept:
        kept.setdefault(name, set()).add(changed)
    found = {name: old[name] for name in kept if name not in outcome.wanted}
    for asked, item in outcome.wanted.items():
        name = named(asked, item.fields)
        if name in outcome.after:
            database = dict(outcome.after[name])
            if name in old:
                database |= {one: old[name].database[one] for one in kept.get(name, ())}
            found[name] = Before(dict(item.fields), database)
        elif name in old:
            found[name] = Before(dict(item.fields), old[name].database)
    return {name: asdict(item) for name, item in found.items()}


def _told(outcome: _Outcome) -> list[str]:
    lines = []
    for name, changed in [*outcome.decision.kept, *outcome.kept]:
        if changed == "secret":
            lines.append(f"{name}: another secret is stored than the file's fingerprint names; it is kept")
        elif changed:
            lines.append(f"{name}: {changed} was changed since the file was last applied; it is kept")
        elif name in outcome.after:
            lines.append(f"{name} is no longer in the file, but was changed since; it is kept")
        else:
            lines.append(f"{name} was deleted since the file was last applied; it stays deleted")
    return lines
