"""The spool: where finished records and changes of health wait for the ingester, safe from kill -9 of any process.

One append-only file per process, `spool-<pid>-<start>-<n>.log`, in one directory. A record is one frame
(`llm.observe.spool_file`), written by one `os.write`. The bytes are with the kernel when `write` returns; a thread
calls fdatasync every 100 ms, so loss of the machine costs that much.

The owner holds an exclusive flock while it may still write to a file: `owner_alive` tells the ingester which files are
finished. A file takes its name only once it is locked, so that none is seen unlocked before its owner is done with it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final

from llm.errors import RecordNotWritten
from llm.observe.health_event import HealthEvent
from llm.observe.record import CallRecord
from llm.observe.spool_file import LARGEST_FRAME, Entry, count, files, frame, owner_alive, read, set_aside

__all__ = [
    "LARGEST_FRAME",
    "Entry",
    "MemorySink",
    "Spool",
    "count",
    "files",
    "owner_alive",
    "read",
    "set_aside",
    "troubles",
]

logger = logging.getLogger(__name__)

SYNC_SECONDS: Final = 0.1
LARGEST_FILE: Final = 16 * 1024 * 1024
ALARM_SECONDS: Final = 60.0
_FULL = "The gateway cannot record calls at the moment."
_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync

Write = Callable[[int, bytes], int]


class Spool:
    """A Sink that appends to this process's file. `max_bytes` bounds all files of the directory together (what other
    processes write is counted once in 16 MiB of its own).

    Thread-safe; a fork starts a file of its own. Where the disk refuses twice or the spool is at its bound, there is
    an alarm, and `write` raises RecordNotWritten; with `required=False` the call goes on unrecorded and is counted. A
    torn frame is cut off before the next attempt.

    `alarm` says in words what keeps records from being written, and is empty when all is well; `unrecorded` counts
    the calls of this process that went on without a record.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        max_bytes: int = 1024**3,
        required: bool = True,
        write: Write = os.write,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.alarm = ""
        self.unrecorded = 0
        self._max_bytes = max_bytes
        self._at_bound = f"the spool is at its bound of {max_bytes} bytes"
        self._file_bytes = max(min(LARGEST_FILE, max_bytes // 4), 1)
        self.required = required
        self._write = write
        self._monotonic = monotonic
        self._alarmed_at = float("-inf")
        self._count = 0
        self._reset()
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forget(reference))

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._descriptor = -1
        self._size = 0
        self._total = 0  # bytes in the directory as last counted, plus what was written since
        self._count_at = 0  # the total at which it is to be counted again
        self._retired: list[int] = []
        self._syncing: list[int] = []  # owned by the thread: named here so that a fork can let go of them
        self._dirty = threading.Event()
        self._unsynced = False  # the same under the lock: is it set?
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, record: CallRecord) -> None:
        try:
            self._keep(record)
        except RecordNotWritten:
            if self.required:
                raise
            self.unrecorded += 1

    def tell(self, event: HealthEvent) -> None:
        try:
            self._keep(event)
        except Exception:  # a door: a change of health that cannot be kept must not end the call that saw it
            logger.exception("a change of health could not be kept", extra={"subject": event.name, "state": event.new})

    def _keep(self, entry: Entry) -> None:
        framed = frame(entry)
        with self._lock:
            if self._total + len(framed) > self._count_at:
                self._make_room(len(framed))
            try:
                self._append(framed)
            except OSError:
                if not self.alarm:  # else the alarm has said it
                    logger.exception("the spool could not be written; a new file is tried")
                self._append_anew(framed)
            if self.alarm:
                self._all_clear()
            if not self._unsynced:
                self._unsynced = True
                self._dirty.set()

    def close(self) -> None:
        """Syncs and closes the file; the ingester may then remove it. A later write opens a new one."""
        self._closing.set()
        self._dirty.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)
        with self._lock:
            self._retire()
        self._sync()
        self._thread = None

    def _append(self, frame: bytes) -> None:
        if self._descriptor < 0 or self._size + len(frame) > self._file_bytes:
            self._open()
        written = self._write(self._descriptor, frame)
        if written != len(frame):
            raise OSError(f"short write: {written} of {len(frame)} bytes")
        self._size += written
        self._total += written

    def _append_anew(self, frame: bytes) -> None:
        try:
            self._cut_torn_tail()
            self._append(frame)
        except OSError as error:
            self._cut_torn_tail()
            self._raise_alarm(f"the disk refuses records ({error.strerror or type(error).__name__})")
            raise RecordNotWritten(_FULL) from error

    def _cut_torn_tail(self) -> None:
        if self._descriptor < 0:
            return
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            # The reader stops at the torn frame, which must then be the file's last one.
            logger.exception("a torn record could not be cut off; its file is closed")
            self._retire()
            return
        if self._size:  # an empty one is as good as new: a full disk must not get a file for each refused call
            self._retire()

    def _make_room(self, size: int) -> None:
        """Counts the directory again every file's worth of bytes, and always before it refuses."""
        self._count_again()
        if self._total + size > self._max_bytes:
            self._raise_alarm(self._at_bound)
            raise RecordNotWritten(_FULL)

    def _count_again(self) -> None:
        self._total = sum(_size(path) for path in files(self.directory))
        self._count_at = min(self._total + self._file_bytes, self._max_bytes)

    def look_again(self) -> None:
        """Ends the alarm of a full spool once a tenth of it is free, also where no call comes that would notice."""
        with self._lock:
            if self.alarm != self._at_bound:
                return
            self._count_again()
            if self._total <= self._max_bytes // 10 * 9:
                self._all_clear()

    def _raise_alarm(self, words: str) -> None:
        """One line at once and one a minute: a line for each refused call would fill what is left of the disk."""
        now = self._monotonic()
        if words != self.alarm or now - self._alarmed_at >= ALARM_SECONDS:
            self._alarmed_at = now
            outcome = "refused" if self.required else "unrecorded"
            logger.critical("calls cannot be recorded", extra={"why": words, "calls": outcome})
        self.alarm = words

    def _all_clear(self) -> None:
        logger.warning("calls are recorded again", extra={"unrecorded": self.unrecorded})
        self.alarm = ""

    def _open(self) -> None:
        self._retire()
        self._count += 1
        name = f"spool-{os.getpid()}-{time.time_ns()}-{self._count}.log"
        nascent = self.directory / f".{name}"
        descriptor = os.open(nascent, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            nascent.rename(self.directory / name)
        except OSError:
            os.close(descriptor)
            nascent.unlink(missing_ok=True)
            raise
        self._descriptor, self._size = descriptor, 0
        if self._thread is None:
            self._start_thread()

    def _retire(self) -> None:
        if self._descriptor >= 0:
            self._retired.append(self._descriptor)
            self._dirty.set()
        self._descriptor = -1

    def _start_thread(self) -> None:
        self._closing.clear()
        self._thread = threading.Thread(target=self._sync_for_ever, name="llm-spool", daemon=True)
        self._thread.start()

    def _sync_for_ever(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._closing.wait(SYNC_SECONDS)
            self._sync()

    def _sync(self) -> None:
        """Outside of the lock, so that a slow disk does not hold a call back."""
        with self._lock:
            self._dirty.clear()
            self._unsynced = False
            self._syncing += self._retired
            self._retired = []
            try:
                if self._descriptor >= 0:
                    self._syncing.append(os.dup(self._descriptor))
            except OSError:
                logger.exception("the spool could not be synced to disk; it is tried again")
                self._dirty.set()
        while self._syncing:
            try:
                _sync_data(self._syncing[-1])
            except OSError:
                logger.exception("the spool could not be synced to disk")
            os.close(self._syncing.pop())


class MemorySink:
    """A Sink that keeps records and events in lists, for tests and for embedding without a disk."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self.events: list[HealthEvent] = []
        self._changed = threading.Condition()

    def write(self, record: CallRecord) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def tell(self, event: HealthEvent) -> None:
        self.events.append(event)

    def wait(self, count: int, *, timeout: float = 5.0) -> list[CallRecord]:
        """The records once there are `count` of them; TimeoutError after `timeout` seconds. Blocks the thread."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.records) >= count, timeout):
                raise TimeoutError(f"{len(self.records)} of {count} records after {timeout} s")
            return list(self.records)


def troubles(spool: Spool) -> dict[str, str]:
    """What an operator must know of the records, for /ready's modes; empty when all is well. Of this process, but for
    the damaged files."""
    spool.look_again()
    found = {}
    if spool.alarm:
        found["spool"] = f"{spool.alarm}: calls are {'refused' if spool.required else 'not recorded'}"
    if spool.unrecorded:
        found["unrecorded_calls"] = str(spool.unrecorded)
    damaged = len(set_aside(spool.directory))
    if damaged:
        found["damaged_spool_files"] = str(damaged)
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # the ingester was faster


def _forget(reference: weakref.ref[Spool]) -> None:
    """In a forked child: the parent's files are the parent's. Closing our copies leaves its lock alone."""
    spool = reference()
    if spool is None:
        return
    descriptors = [spool._descriptor, *spool._retired, *spool._syncing]
    spool._reset()
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)
