"""One gateway per data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FolderInUse(Exception):
    """Another gateway holds the folder."""


class FolderLock:
    """An exclusive lock on a folder, held until the process ends, however it ends, or until `release`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Close-on-exec (Python's default): a child that outlives the parent must not keep the lock.
        self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise FolderInUse(str(folder)) from error

    def release(self) -> None:
        os.close(self._descriptor)
