"""What outlives a supervisor that is killed: its children for some seconds, and perhaps a server of ours. That one is
found by its process number and ended for good."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from gateway_project.supervisor import sockets
from gateway_project.supervisor.lock import FolderInUse, FolderLock
from gateway_project.supervisor.process import alive

PATIENCE_SECONDS = 10.0  # a child is gone by then (process.py)
POLITE_SECONDS = 5.0
POLL_SECONDS = 0.02


def expected(data_dir: Path) -> bool:
    """Was the last gateway on this data folder killed? One that runs, or was told to stop, is not meant."""
    if not sockets.path(data_dir).exists():
        return False
    try:
        FolderLock(data_dir).release()
    except FolderInUse:
        return False
    return True


def running(pid_file: Path, argument: Path) -> int:
    """The process number in `pid_file` if that process was started with `argument`, else 0: numbers are used again, and
    a stranger must not be ended."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return 0
    return pid if pid > 0 and alive(pid) and _owns(pid, argument) else 0


def end(pid: int, *, polite: float = POLITE_SECONDS) -> None:
    """Asks, kills after `polite` seconds; returns when the process is gone."""
    _signal(pid, signal.SIGTERM)
    if not _gone(pid, polite):
        _signal(pid, signal.SIGKILL)
        _gone(pid, POLITE_SECONDS)


def _owns(pid: int, argument: Path) -> bool:
    """Redis writes its title over its arguments, so where its work is done counts as well."""
    folder = str(argument.parent)
    proc = Path(f"/proc/{pid}")
    if proc.exists():
        return os.path.realpath(proc / "cwd") == os.path.realpath(folder)
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return "redis" in shown or "valkey" in shown


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
