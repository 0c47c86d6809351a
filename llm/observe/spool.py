"""The spool: where finished records wait for the ingester, safe from kill -9 of any process.

One append-only file per process, `spool-<pid>-<start>-<n>.log`, in one directory. A record is one frame, written by
one `os.write`: length of the payload (u32, big endian), CRC-32 of the payload (u32), payload (`record.encode`). The
bytes are with the kernel when `write` returns; a thread calls fdatasync every 100 ms, so loss of the machine costs that
much.

The owner holds an exclusive flock while it may still write to a file: `owner_alive` tells the ingester which files are
finished. A file takes its name only once it is locked, so that none is seen unlocked before its owner is done with it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from llm.errors import RecordNotWritten
from llm.observe.record import CallRecord, decode, encode

logger = logging.getLogger(__name__)

SYNC_SECONDS: Final = 0.1
LARGEST_FILE: Final = 16 * 1024 * 1024
LARGEST_FRAME: Final = 1024 * 1024
_HEADER: Final = struct.Struct(">II")
_FULL = "The gateway cannot record calls at the moment."
_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync

Write = Callable[[int, bytes], int]


class Spool:
    """A Sink that appends to this process's file. `max_bytes` bounds all files of the directory together.

    Thread-safe; a fork starts a file of its own. `write` raises RecordNotWritten where the disk refuses twice or the
    spool is at its bound; a torn frame is cut off before the next attempt.
    """

    def __init__(self, directory: Path | str, *, max_bytes: int = 1024**3, write: Write = os.write) -> None:
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        self._file_bytes = max(min(LARGEST_FILE, max_bytes // 4), 1)
        self._write = write
        self._count = 0
        self._reset()
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forget(reference))

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._descriptor = -1
        self._size = 0
        self._total = 0  # bytes in the directory as last counted, plus what was written since
        self._counted_at = -1  # the total at which it was last counted
        self._retired: list[int] = []
        self._syncing: list[int] = []  # owned by the thread: named here so that a fork can let go of them
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, record: CallRecord) -> None:
        payload = encode(record)
        frame = _HEADER.pack(len(payload), zlib.crc32(payload)) + payload
        if len(payload) > LARGEST_FRAME:
            raise RecordNotWritten(_FULL)
        with self._lock:
            self._make_room(len(frame))
            try:
                self._append(frame)
            except OSError:
                logger.exception("the spool could not be written; a new file is tried")
                self._append_anew(frame)
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
            self._open()
            self._append(frame)
        except OSError as error:
            self._cut_torn_tail()
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

    def _make_room(self, size: int) -> None:
        """Counts the directory again every file's worth of bytes, and always before it refuses."""
        due = self._counted_at < 0 or self._total - self._counted_at >= self._file_bytes
        if due or self._total + size > self._max_bytes:
            self._total = self._counted_at = sum(_size(path) for path in files(self._directory))
        if self._total + size > self._max_bytes:
            logger.error("the spool is at its bound", extra={"bytes": self._total, "bound": self._max_bytes})
            raise RecordNotWritten(_FULL)

    def _open(self) -> None:
        self._retire()
        self._count += 1
        name = f"spool-{os.getpid()}-{time.time_ns()}-{self._count}.log"
        nascent = self._directory / f".{name}"
        descriptor = os.open(nascent, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            nascent.rename(self._directory / name)
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
            self._syncing, self._retired = self._retired, []
            if self._descriptor >= 0:
                self._syncing.append(os.dup(self._descriptor))
        while self._syncing:
            try:
                _sync_data(self._syncing[-1])
            except OSError:
                logger.exception("the spool could not be synced to disk")
            os.close(self._syncing.pop())


class MemorySink:
    """A Sink that keeps the records in a list, for tests and for embedding without a disk."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self._changed = threading.Condition()

    def write(self, record: CallRecord) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def wait(self, count: int, *, timeout: float = 5.0) -> list[CallRecord]:
        """The records once there are `count` of them; TimeoutError after `timeout` seconds. Blocks the thread."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.records) >= count, timeout):
                raise TimeoutError(f"{len(self.records)} of {count} records after {timeout} s")
            return list(self.records)


def files(directory: Path | str) -> list[Path]:
    """The spool's files, oldest name first."""
    return sorted(Path(directory).glob("spool-*.log"))


def owner_alive(path: Path) -> bool:
    """May this file still grow? False once its owner closed it or died; FileNotFoundError where it is gone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _log_corrupt(path: Path, offset: int) -> None:
    logger.error("a corrupt record in the spool was passed over", extra={"path": path.name, "offset": offset})


def read(
    path: Path, offset: int = 0, *, on_corrupt: Callable[[Path, int], None] = _log_corrupt
) -> Iterator[tuple[CallRecord, int]]:
    """The whole records from `offset` on, each with the offset behind it, to go on from.

    A frame that is not there whole ends the reading: it may still be growing, or its writer died in it. A frame whose
    checksum or payload is wrong is reported to `on_corrupt` and passed over; one whose length cannot be is reported
    and ends the reading, as nothing behind it can be trusted.
    """
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read()
    start = 0
    while start + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, start)
        if not 0 < length <= LARGEST_FRAME:
            on_corrupt(path, offset + start)
            return
        end = start + _HEADER.size + length
        if end > len(data):
            return
        record = _decoded(data[start + _HEADER.size : end], checksum)
        if record is None:
            on_corrupt(path, offset + start)
        else:
            yield record, offset + end
        start = end


def _decoded(payload: bytes, checksum: int) -> CallRecord | None:
    if zlib.crc32(payload) != checksum:
        return None
    try:
        return decode(payload)
    except msgspec.MsgspecError:
        return None


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
