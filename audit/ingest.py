"""From the spool into the Call table: exactly once by call id, in small batches, by one ingester per data folder.

A batch is committed first; then its offset is kept beside the file (`<file>.offset`). A crash in between reads the
batch again, and the rows that are there already are passed over. A file goes when its owner is dead and all of it is
committed; one with corrupt records is kept as `corrupt-<file>`, and a record that the database refuses goes to
`rejected.jsonl`: nothing is thrown away.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import msgspec
from django.db import DataError, IntegrityError, close_old_connections, transaction

from audit import calls, partitions
from audit.models import Call
from llm.observe import spool
from llm.observe.record import CallRecord

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
    corrupt: int = -1  # offset of the last corrupt frame that was reported


class Ingester:
    """`on_batch` is told the records of each committed batch: at least once, so it must bear hearing them again after
    a crash. Its errors are logged and change nothing."""

    def __init__(self, directory: Path | str, *, batch_size: int = 500, on_batch: OnBatch | None = None) -> None:
        self._directory = Path(directory)
        self._batch_size = batch_size
        self._on_batch = on_batch
        self._files: dict[Path, _Reading] = {}
        self._partitions_made_on: date | None = None

    def run(self, stop: threading.Event) -> None:
        """Ingests until `stop` is set, and once more then. A failing database makes it wait, up to 30 s."""
        while not stop.is_set():
            try:
                with self._alone():
                    self._run_alone(stop)
            except IngesterRunning:
                stop.wait(1.0)

    def drain(self) -> int:
        """Ingests what is there now; the number of records. IngesterRunning where another one is at it."""
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
        self._make_partitions()
        return sum(self._ingest(path) for path in spool.files(self._directory))

    def _make_partitions(self) -> None:
        today = datetime.now(UTC).date()
        if self._partitions_made_on != today:
            partitions.ensure(today=today)
            self._partitions_made_on = today

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

    def _batches(self, path: Path, reading: _Reading) -> Iterator[list[CallRecord]]:
        def corrupt(_: Path, offset: int) -> None:
            if offset > reading.corrupt:
                log.error("a corrupt record in the spool", extra={"path": path.name, "offset": offset})
                reading.corrupt = offset
                _beside(path, "corrupt").touch()

        found = spool.read(path, reading.offset, on_corrupt=corrupt)
        while chunk := list(islice(found, self._batch_size)):
            records = [record for record, _ in chunk]
            self._store(records)
            reading.offset = chunk[-1][1]
            _keep_offset(path, reading.offset)
            yield records

    def _store(self, records: list[CallRecord]) -> None:
        try:
            _insert(records)
        except (DataError, IntegrityError, ValueError):
            # One record spoils the batch: each is tried by itself. What is no record's fault (a database that is
            # down) is not caught here and leaves the offset as it is.
            for record in records:
                self._store_alone(record)
        self._tell(records)

    def _tell(self, records: list[CallRecord]) -> None:
        if self._on_batch is None:
            return
        try:
            self._on_batch(records)
        except Exception:  # a door: what others make of the records must not keep them out of the table
            log.exception("a listener to ingested calls failed")

    def _store_alone(self, record: CallRecord) -> None:
        try:
            _insert([record])
        except (DataError, IntegrityError, ValueError):
            log.exception("the database refused a call record; it is kept in rejected.jsonl")
            with open(self._directory / "rejected.jsonl", "ab") as file:
                file.write(msgspec.json.encode(record) + b"\n")
                file.flush()
                os.fsync(file.fileno())

    def _remove(self, path: Path, reading: _Reading) -> None:
        torn = path.stat().st_size - reading.offset
        if _beside(path, "corrupt").exists():
            path.rename(path.with_name(f"corrupt-{path.name}"))
            _beside(path, "corrupt").unlink()
        else:
            if torn:
                log.warning("a record that was never acknowledged is dropped", extra={"path": path.name, "bytes": torn})
            path.unlink()
        _beside(path, "offset").unlink(missing_ok=True)
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


def _insert(records: Sequence[CallRecord]) -> None:
    rows = [calls.row(record) for record in records]
    with transaction.atomic():
        Call.objects.bulk_create(rows, ignore_conflicts=True)


def _kept_offset(path: Path) -> int:
    with suppress(FileNotFoundError, ValueError):
        return int(_beside(path, "offset").read_text())
    return 0


def _keep_offset(path: Path, offset: int) -> None:
    fresh = _beside(path, "offset.new")
    fresh.write_text(str(offset))
    fresh.replace(_beside(path, "offset"))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")
