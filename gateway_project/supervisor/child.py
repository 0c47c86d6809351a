"""One child process: started, restarted with a growing pause, stopped in bounded time."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0  # with the time that a child needs to start, ten seconds at most without it
STEADY_SECONDS = 10.0


class Child:
    """`command` is an argument vector; `keep` are file descriptors that it inherits."""

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], keep: Sequence[int] = ()) -> None:
        self.name = name
        self._command = list(command)
        self._env = dict(env)
        self._keep = tuple(keep)
        self._process: subprocess.Popen[bytes] | None = None
        self._pause = FIRST_PAUSE
        self._started_at = 0.0
        self._restart_at: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        # Only from the main thread: on Linux the parent-death signal is tied to the thread that starts the child.
        self._process = subprocess.Popen(
            self._command,
            env=self._env,
            cwd=ROOT,  # `-m` finds the packages there, wherever run_api was started
            pass_fds=self._keep,
            stdin=subprocess.DEVNULL,
            # A session of its own: Ctrl-C reaches the parent only, which stops the children in order.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        self._started_at = time.monotonic()
        self._restart_at = None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tend(self) -> None:
        """Restarts the child if it ended, after a pause that grows while it keeps ending soon after its start."""
        if self.alive():
            return
        now = time.monotonic()
        if self._restart_at is None:
            self._plan_restart(now)
        elif now >= self._restart_at:
            self._restart(now)

    def _restart(self, now: float) -> None:
        try:
            self.start()
        except OSError:  # out of processes or memory, or the program is being replaced: the others live on
            log.exception("a child cannot be started", extra={"child": self.name})
            self._pause = next_pause(self._pause, lived=0)
            self._restart_at = now + self._pause

    def _plan_restart(self, now: float) -> None:
        self._pause = next_pause(self._pause, lived=now - self._started_at)
        self._restart_at = now + self._pause
        status = self._process.returncode if self._process is not None else None
        log.error("a child ended", extra={"child": self.name, "exit_status": status, "restart_in": self._pause})

    def signal_stop(self) -> None:
        if self.alive() and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait_stopped(self, seconds: float) -> None:
        """Waits for the end; past `seconds` the child is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            log.error("a child did not stop in time and is killed", extra={"child": self.name})
            # With processes of its own: it leads their group, and until it is waited for its number is no one else's.
            with suppress(OSError):  # it ended at this very moment
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self, seconds: float) -> None:
        self.signal_stop()
        self.wait_stopped(seconds)


def next_pause(last: float, *, lived: float) -> float:
    """Seconds before a child is started again that lived so long, after a pause of `last` seconds before that."""
    return FIRST_PAUSE if lived > STEADY_SECONDS else min(last * 2, LONGEST_PAUSE)


def _die_with_parent() -> None:
    """Runs in the child before exec: the kernel ends it when the parent ends, also by kill -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() == 1:  # the parent ended before the line above
        os._exit(1)
