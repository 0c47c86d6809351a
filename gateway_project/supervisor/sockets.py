"""The short folder in which the sockets of a gateway lie: a deep data folder would make their paths too long."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

LONGEST_PATH = 107  # bytes in sockaddr_un


def path(data_dir: Path) -> Path:
    """One per data folder and user. It is there while a gateway runs, and after one that was killed."""
    name = f"llm-gateway-{os.getuid()}-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"
    found = Path(tempfile.gettempdir()) / name
    return found if len(os.fsencode(found / "control.sock")) <= LONGEST_PATH else Path("/tmp") / name


def folder(data_dir: Path) -> Path:
    """Made if need be. RuntimeError where it is not this user's alone."""
    found = path(data_dir)
    found.mkdir(mode=0o700, exist_ok=True)
    if found.lstat().st_uid != os.getuid() or found.lstat().st_mode & 0o077:
        raise RuntimeError(f"{found} does not belong to this user alone; remove it.")
    return found


def remove(data_dir: Path) -> None:
    """With the sockets of children that had no time to remove theirs."""
    found = path(data_dir)
    for file in found.glob("*.sock"):
        file.unlink(missing_ok=True)
    with suppress(OSError):  # it is gone, or something else lies there: not ours to remove
        found.rmdir()
