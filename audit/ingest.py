"""From the spool into the tables of calls and of health: exactly once by id, in small batches, by one ingester per data
folder.

A batch is committed first, rows and rollups together; then its offset is kept beside the file (`<file>.offset`). A
crash in between reads the batch again, and the rows that are there already are passed over and not counted again. A
file goes when its owner is dead and all of it is committed; one with damage is kept as `corrupt-<file>`, with an
alarm, and a record that the database refuses goes to `rejected.jsonl`: nothing is thrown away.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
from django.db import DatabaseError, DataError, IntegrityError, close_old_connections, transaction

from audit import attempt_rollups, call_store, health_events, partitions, rollups
from llm.observe import spool
from llm.observe.health_event import HealthEvent
from llm.observe.record import CallRecord
from llm.observe.spool import Entry

log = logging.getLogger(__name__)
OnBatch = Callable[[list[CallRecord]], None]

POLL_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0


class IngesterRunning(RuntimeError):
    """Another process or thread ingests this data folder."""


@dataclass(slots=True)
class _Reading:
    """How far a file is read: `offset` is committed; `looked_at` is the size when nothing more could be read."""

    offset: int
    looked_at: int = -1
    corrupt: int = -1  # offset of the last damage that was reported


class Ingester:
    """`batch_size`: entries in one transaction, without one what suits the database. `on_batch` is told the calls of
    each committed batch: at least once, so it must bear hearing them again after a crash. Its errors are logged and
    change nothing."""

    def __init__(
        self, directory: Path | str, *, batch_size: int | None = None, on_batch: OnBatch | None = None
    ) -> None:
        self._directory = Path(directory)
        self._batch_size = batch_size or call_store.batch_size()
        self._on_batch = on_batch
        self._files: dict[Path, _Reading] = {}
        self._refused: dict[Path, str] = {}
        self._house_kept_at: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Ingests until `stop` is set, and once more then. A failing database makes it wait, up to 30 s."""
        while not stop.is_set():
            try:
                with self._alone():
                    self._run_alone(stop)
            except IngesterRunning:
                stop.wait(1.0)
            except OSError:  # no lock to be had, on a full disk for example: it must not be the end
                log.exception("the spool cannot be locked; it is tried again")
                stop.wait(LONGEST_PAUSE_SECONDS)

    def drain(self) -> int:
        """Ingests what is there now; the number of entries. IngesterRunning where another one is at it."""
        with self._alone():
            return self._pass()

    def _run_alone(self, stop: threading.Event) -> None:
        pause = POLL_SECONDS
        while True:
            last = stop.is_set()
            close_old_connections()  # this thread has no requests whose end would do it
            try:
                self._pass()
                pause = POLL_SECONDS
            except Exception:  # the top of a loop: the records stay in the spool, and it tries again
                log.exception("calls could not be ingested; they wait in the spool", extra={"pause_seconds": pause})
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            if last:
                close_old_connections()
                return
            stop.wait(pause)

    def _pass(self) -> int:
        call_store.prepare()
        self._keep_house()
        return sum(self._take(path) for path in spool.files(self._directory))

    def _keep_house(self) -> None:
        """Once an hour: partitions for the days to come, before their first rows; and old minutes away."""
        now = datetime.now(UTC)
        if self._house_kept_at is not None and abs(now - self._house_kept_at) < timedelta(hours=1):
            return
        partitions.ensure(today=now.date())
        self._house_kept_at = now
        try:
            rollups.forget_minutes(now=now)
            attempt_rollups.forget(now=now)
        except DatabaseError:  # another machine's ingester was at the same rows: what is left goes the next time
            log.exception("old minutes could not be deleted; it is tried again in an hour")

    def _take(self, path: Path) -> int:
        """A file that the system refuses (another user's, a bad disk) is told once, and holds the others up as little
        as the next one."""
        try:
            count = self._ingest(path)
        except OSError as error:
            if self._refused.get(path) != str(error):
                log.critical("a file of the spool cannot be ingested", extra={"path": path.name}, exc_info=True)
            self._refused[path] = str(error)
            return 0
        self._refused.pop(path, None)
        return count

    def _ingest(self, path: Path) -> int:
        reading = self._files.setdefault(path, _Reading(_kept_offset(path)))
        # In this order: a file whose owner is dead now holds all that it will ever hold.
        dead = not spool.owner_alive(path)
        size = path.stat().st_size
        count = 0
        if size != reading.looked_at:
            for batch in self._batches(path, reading):
                count += len(batch)
            reading.looked_at = size
        if dead:
            self._remove(path, reading)
        return count

    def _batches(self, path: Path, reading: _Reading) -> Iterator[list[Entry]]:
        def corrupt(_: Path, offset: int) -> None:
            if offset > reading.corrupt:
                log.critical("damage in the spool; the file is kept", extra={"path": path.name, "offset": offset})
                reading.corrupt = offset

        found = spool.read(path, reading.offset, on_corrupt=corrupt)
        while chunk := list(islice(found, self._batch_size)):
            entries = [entry for entry, _ in chunk]
            self._store(entries)
            if reading.corrupt >= 0:
                _note(path, "corrupt")  # before the offset: the next ingester does not come by here again
            reading.offset = chunk[-1][1]
            _note(path, "offset", str(reading.offset))
            yield entries

    def _store(self, entries: list[Entry]) -> None:
        self._insert(entries)
        if records := [entry for entry in entries if isinstance(entry, CallRecord)]:
            self._tell(records)

    def _insert(self, entries: list[Entry]) -> None:
        try:
            _insert(entries)
        except (DataError, IntegrityError, ValueError):
            # One of them spoils the batch, and is found by halves. What is no record's fault (a database that is down)
            # is not caught here and leaves the offset as it is.
            if len(entries) == 1:
                self._reject(entries[0])
                return
            middle = len(entries) // 2
            self._insert(entries[:middle])
            self._insert(entries[middle:])

    def _tell(self, records: list[CallRecord]) -> None:
        if self._on_batch is None:
            return
        try:
            self._on_batch(records)
        except Exception:  # a door: what others make of the records must not keep them out of the table
            log.exception("a listener to ingested calls failed")

    def _reject(self, entry: Entry) -> None:
        log.critical("the database refused a call record; it is kept in rejected.jsonl", exc_info=True)
        with open(self._directory / "rejected.jsonl", "ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _remove(self, path: Path, reading: _Reading) -> None:
        rest = path.stat().st_size - reading.offset
        if reading.corrupt >= 0 or _beside(path, "corrupt").exists():
            kept = path.rename(path.with_name(f"corrupt-{path.name}"))
            log.critical("a damaged file of the spool is set aside", extra={"path": kept.name, "unread_bytes": rest})
        else:
            if rest:
                log.warning("a record that was never acknowledged is dropped", extra={"path": path.name, "bytes": rest})
            path.unlink()
        for suffix in ("offset", "corrupt"):
            _beside(path, suffix).unlink(missing_ok=True)
        del self._files[path]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._directory / "ingest.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise IngesterRunning("Another process ingests this data folder.") from error
            self._files.clear()  # another ingester may have been here in between
            yield
        finally:
            os.close(descriptor)


def _insert(entries: list[Entry]) -> None:
    """All of them in one transaction, or none."""
    events = [entry for entry in entries if isinstance(entry, HealthEvent)]
    if not events:
        call_store.insert(entries)
        return
    with transaction.atomic():
        call_store.insert(entry for entry in entries if isinstance(entry, CallRecord))
        health_events.insert(events)


def waiting(directory: Path | str) -> int:
    """How many records (of finished calls, and changes of health) are in no table yet."""
    return sum(_waiting(path, _kept_offset(path)) for path in spool.files(directory))


def _waiting(path: Path, offset: int) -> int:
    with suppress(FileNotFoundError):
        return _counted(path, offset, path.stat().st_size)
    return 0


@functools.lru_cache(maxsize=1024)
def _counted(path: Path, offset: int, size: int) -> int:
    """Finished files are counted once, however often Prometheus asks while the database is away."""
    return spool.count(path, offset)


def _kept_offset(path: Path) -> int:
    with suppress(FileNotFoundError, ValueError):
        return int(_beside(path, "offset").read_text())
    return 0


def _note(path: Path, suffix: str, text: str = "") -> None:
    """Notes beside the file how far it is. A full disk must not end the ingesting, which alone makes room again: then
    this process remembers, and after a crash the batch is read again, which does no harm."""
    fresh = _beside(path, f"{suffix}.new")
    try:
        fresh.write_text(text)
        fresh.replace(_beside(path, suffix))
    except OSError:
        log.exception("the state of a spool file could not be noted", extra={"path": path.name})


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")
