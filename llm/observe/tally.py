"""Numbers of one process that others may read while it runs, and after it has died.

A process writes its numbers into files of its own, `tally-<pid>-<start>-<n>.bin`, mapped into memory: one addition
costs 60 ns, and what was added survives kill -9. It holds an exclusive flock on them, so `alive` tells whether their
gauges still mean something. The space is taken from the disk beforehand: a full disk fails here, where it is caught,
and never at an addition (which would end the process by SIGBUS).

An entry: its size (u32, 0: the end), the length of its name (u32), the name (MessagePack: family, labels, how many
numbers), padded to 8 bytes, then the numbers (f64, this machine's byte order). The size is written last. After the
loss of the machine a file may hold anything: it is read as far as it makes sense.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

logger = logging.getLogger(__name__)

CHUNK_BYTES: Final = 256 * 1024
_MAGIC: Final = b"llmtly01"
_HEAD: Final = struct.Struct("=II")

Labels = tuple[str, ...]
Slots: TypeAlias = "memoryview[float]"  # of doubles; its type takes no parameter when it runs
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[str, Labels, int]).decode


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """`numbers` of `family` under `labels`, as they stood when they were read."""

    family: str
    labels: Labels
    numbers: list[float]


class Tally:
    """`directory` None: in memory, for this process alone. Any thread may ask for slots; the slots of one name are
    written by one thread.

    Where the disk refuses, the numbers are kept in memory, and the log says so: a call never fails for its metrics.
    """

    def __init__(self, directory: Path | None, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._directory = directory
        self._chunk_bytes = chunk_bytes
        self._view = memoryview(b"")
        self._used = 0
        self._files = 0
        self._descriptors: list[int] = []
        self._lock = threading.Lock()

    def slots(self, family: str, labels: Labels, count: int) -> Slots:
        """`count` numbers, at first 0, to be changed in place. Ask once for each family and labels."""
        name = _encode((family, labels, count))
        with self._lock:
            return self._take(name, count)

    def _take(self, name: bytes, count: int) -> Slots:
        padded = name + bytes(-len(name) % 8)
        size = _HEAD.size + len(padded) + 8 * count
        if self._used + size + _HEAD.size > len(self._view):
            self._extend(size)
        at = self._used
        start = at + _HEAD.size + len(padded)
        self._view[at + _HEAD.size : start] = padded
        self._view[at : at + _HEAD.size] = _HEAD.pack(size, len(name))
        self._used = at + size
        return self._view[start : at + size].cast("d")

    def release(self) -> None:
        """Lets go of the files of a process that is no longer this one (after a fork)."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []

    def _extend(self, size: int) -> None:
        wanted = max(self._chunk_bytes, size + len(_MAGIC) + _HEAD.size)
        try:
            self._view = memoryview(self._map(wanted))
        except OSError:
            logger.exception("metrics cannot be written; those of new names stay in this process")
            self._view = memoryview(bytearray(wanted))
        self._view[: len(_MAGIC)] = _MAGIC
        self._used = len(_MAGIC)

    def _map(self, size: int) -> mmap.mmap | bytearray:
        if self._directory is None:
            return bytearray(size)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._files += 1
        name = f"tally-{os.getpid()}-{time.time_ns()}-{self._files}.bin"
        nascent = self._directory / f".{name}"
        descriptor = os.open(nascent, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(descriptor, size)
            mapped = mmap.mmap(descriptor, size)
            nascent.rename(self._directory / name)
        except OSError:
            os.close(descriptor)
            nascent.unlink(missing_ok=True)
            raise
        self._descriptors.append(descriptor)
        return mapped


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:  # macOS
        os.write(descriptor, bytes(size))


def files(directory: Path) -> list[Path]:
    """The files of all processes, dead or alive."""
    return sorted(directory.glob("tally-*.bin"))


def alive(path: Path) -> bool:
    """Does the process that writes this file still run? FileNotFoundError where the file is gone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read(path: Path) -> Iterator[Entry]:
    """The entries of one file. FileNotFoundError where it is gone; one that is no file of ours is empty."""
    data = path.read_bytes()
    at = len(_MAGIC)
    if data[:at] != _MAGIC:
        return
    while at + _HEAD.size <= len(data):
        size, length = _HEAD.unpack_from(data, at)
        if not size:
            return
        entry = _entry(data[at : at + size], size, length)
        if entry is None:
            logger.error("a file of metrics is damaged; what follows is lost", extra={"path": path.name, "offset": at})
            return
        yield entry
        at += size


def _entry(data: bytes, size: int, length: int) -> Entry | None:
    try:
        family, labels, count = _decode(data[_HEAD.size : _HEAD.size + length])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if len(data) != size or not 0 <= 8 * count <= size - _HEAD.size - length:
        return None
    return Entry(family, labels, list(struct.unpack_from(f"={count}d", data, size - 8 * count)))
