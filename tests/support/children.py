"""Real servers as children of the tests: they end with us, also when we are killed."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys

SET_PARENT_DEATH_SIGNAL = 1  # prctl(2), Linux


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel interrupts the child when its parent dies. Elsewhere than on Linux, nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGINT)


def end(process: subprocess.Popen[bytes], *, seconds: float = 20) -> None:
    """Asks the process to stop; kills it after `seconds`."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
