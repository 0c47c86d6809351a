"""The numbers of all processes of this data folder, added up: those that run, and those that are gone.

`llm.observe.metrics` counts in files of each process. Here they are read, and the counters of dead processes are moved
into `archive.bin`, exactly once, so that the folder stays small and no counter goes back when a process ends. Gauges
count only while their process lives.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from django.conf import settings

from llm.observe import metrics, tally
from llm.observe.tally import Entry, Labels

log = logging.getLogger(__name__)
COUNTERS = frozenset({metrics.CALLS, metrics.TIMES, metrics.ATTEMPTS})


def directory() -> Path:
    return Path(settings.DATA_DIR) / "metrics"


class Archive(msgspec.Struct):
    """`folded` are files whose numbers are in `entries`; such a file only waits to be removed."""

    folded: list[str] = []
    entries: list[Entry] = []


@dataclass(slots=True)
class Totals:
    """`counters`: family and labels -> numbers. `gauges`: those of each living process, as it wrote them."""

    counters: dict[tuple[str, Labels], list[float]] = field(default_factory=dict)
    gauges: list[Entry] = field(default_factory=list)
    names: metrics.Names = field(default_factory=metrics.Names)

    def add(self, entry: Entry, *, alive: bool = False) -> None:
        if entry.family not in COUNTERS:
            if alive:
                self.gauges.append(entry)
            return
        _, *labels = self.names.capped((entry.family, *entry.labels))  # the cap is one over all processes
        key = (entry.family, tuple(labels))
        sums = self.counters.setdefault(key, entry.numbers)
        if sums is entry.numbers:
            return
        if len(sums) != len(entry.numbers):  # another version counted with other bounds: the newer one stands
            self.counters[key] = entry.numbers
            return
        for position, number in enumerate(entry.numbers):
            sums[position] += number


def totals(folder: Path) -> Totals:
    """What all processes have counted. Safe to call from several processes at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        archive = _read_archive(folder)
        _remove(folder, archive.folded)
        found = Totals()
        for entry in archive.entries:
            found.add(entry)
        dead, living = _split(folder)
        for path in dead:
            for entry in tally.read(path):
                found.add(entry)
        if dead:
            _fold(folder, found, dead)
        for path in living:
            for entry in tally.read(path):
                found.add(entry, alive=True)
        return found


def _split(folder: Path) -> tuple[list[Path], list[Path]]:
    """Looked at before it is read: a process that dies in between is read as a living one, this once."""
    dead, living = [], []
    for path in tally.files(folder):
        (living if tally.alive(path) else dead).append(path)
    return dead, living


def _read_archive(folder: Path) -> Archive:
    try:
        return msgspec.msgpack.decode((folder / "archive.bin").read_bytes(), type=Archive)
    except FileNotFoundError:
        return Archive()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        log.exception("the archive of metrics cannot be read; counters of processes that are gone begin anew")
        return Archive()


def _fold(folder: Path, found: Totals, dead: list[Path]) -> None:
    try:
        _write_archive(folder, found, folded=[path.name for path in dead])
    except OSError:  # a full disk: the dead files are read again next time, and who looks now sees all the same
        log.exception("the metrics of processes that are gone could not be archived")
        return
    _remove(folder, [path.name for path in dead])


def _write_archive(folder: Path, found: Totals, *, folded: list[str]) -> None:
    """One rename: either all of the dead files are in it, or none."""
    entries = [Entry(family, labels, numbers) for (family, labels), numbers in found.counters.items()]
    fresh = folder / "archive.new"
    fresh.write_bytes(msgspec.msgpack.encode(Archive(folded, entries)))
    fresh.replace(folder / "archive.bin")


def _remove(folder: Path, names: list[str]) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            (folder / name).unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / "archive.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
