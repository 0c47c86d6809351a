"""What every child of run_api begins with."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

GRACE_SECONDS = 1.0  # the port stays open so long while /ready says no: a balancer may see it before callers do
SWITCH_SECONDS = 0.0005
WATCH_SECONDS = 1.0
LAST_SECONDS = 5.0
_never = threading.Event()


def parser() -> argparse.ArgumentParser:
    """The options that all children have."""
    found = argparse.ArgumentParser()
    found.add_argument("--parent", type=int, default=0, help="end with this process (0: with none)")
    found.add_argument("--drain-seconds", type=int, default=30)
    return found


def begin(parent: int) -> None:
    """Short turns of the interpreter's threads, so that none holds the loop of live calls up; and no life after the
    parent's. On Linux the kernel tells of its death too (child.py); this watch is for everywhere."""
    sys.setswitchinterval(SWITCH_SECONDS)
    if parent:
        threading.Thread(target=_end_with, args=(parent,), name="parent-watch", daemon=True).start()


def orphaned(parent: int) -> bool:
    return parent != 0 and os.getppid() != parent


def alive(pid: int) -> bool:
    """One that ended and that nobody has waited for is not: in a container there may be no one who does."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True  # there is no /proc on macOS
    return state not in ("Z", "X")


def _end_with(parent: int) -> None:
    while not orphaned(parent):
        _never.wait(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    _never.wait(LAST_SECONDS)
    os._exit(1)  # a call that takes longer must not outlive a gateway that is started anew
