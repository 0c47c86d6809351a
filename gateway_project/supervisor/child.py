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

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 30.0


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
            self.start()

    def _plan_restart(self, now: float) -> None:
        steady = now - self._started_at > STEADY_SECONDS
        self._pause = FIRST_PAUSE if steady else min(self._pause * 2, LONGEST_PAUSE)
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
            self._process.kill()
            self._process.wait()

    def stop(self, seconds: float) -> None:
        self.signal_stop()
        self.wait_stopped(seconds)


def _die_with_parent() -> None:
    """Runs in the child before exec: the kernel ends it when the parent ends, also by kill -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() == 1:  # the parent ended before the line above
        os._exit(1)
