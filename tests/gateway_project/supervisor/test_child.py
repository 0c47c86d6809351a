"""A child is started again after a pause that grows and is bounded, and stops in bounded time with all that it made."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import pytest

from gateway_project.supervisor.child import FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS, Child, next_pause
from tests.support.eventually import eventually
from tests.support.gateway_processes import gone


def shell(script: str, *arguments: str) -> Child:
    return Child("a-child", ["/bin/sh", "-c", script, "sh", *arguments], env=dict(os.environ))


def test_the_pause_grows_and_is_bounded() -> None:
    pauses = [FIRST_PAUSE]
    while len(pauses) < 12:
        pauses.append(next_pause(pauses[-1], lived=0.5))
    assert pauses == sorted(pauses)
    assert pauses[1] == 2 * FIRST_PAUSE and pauses[-1] == LONGEST_PAUSE
    assert next_pause(LONGEST_PAUSE, lived=STEADY_SECONDS + 1) == FIRST_PAUSE


def test_a_child_that_ends_is_started_again_later(caplog: pytest.LogCaptureFixture) -> None:
    child = shell("exit 3")
    child.start()
    first = child.pid

    def started_anew() -> bool:
        child.tend()
        return child.pid != first

    began = time.monotonic()
    with caplog.at_level(logging.ERROR):
        eventually(started_anew)
    assert time.monotonic() - began >= FIRST_PAUSE
    told = caplog.records[0]
    assert (told.__dict__["child"], told.__dict__["exit_status"]) == ("a-child", 3)
    child.stop(5)


def test_a_program_that_is_gone_for_a_moment_is_no_disaster(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.symlink_to("/bin/sleep")
    child = Child("a-child", [str(program), "0.01"], env={})
    child.start()
    eventually(lambda: not child.alive())
    program.unlink()
    child.tend()
    first = child.pid
    until = time.monotonic() + 4 * FIRST_PAUSE  # it is tried meanwhile, in vain

    def tended() -> bool:
        child.tend()
        return time.monotonic() > until

    eventually(tended)
    assert child.pid == first
    program.symlink_to("/bin/sleep")
    eventually(lambda: child.tend() or child.pid != first)
    child.stop(5)


def test_what_does_not_stop_is_killed_with_its_own_children(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers"
    child = shell(
        'trap "" TERM; sleep 60 & echo $! > "$1.new"; mv "$1.new" "$1"; while :; do sleep 1; done', str(numbers)
    )
    child.start()
    pids = [child.pid or 0, int(eventually(lambda: numbers.exists() and numbers.read_text()))]
    began = time.monotonic()
    child.stop(0.2)
    assert time.monotonic() - began < 5
    assert not child.alive()
    eventually(lambda: all(map(gone, pids)))


@pytest.mark.skipif(sys.platform != "linux", reason="not available: parent-death signals are Linux's")
def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers"
    program = (
        "import os, sys\n"
        "from gateway_project.supervisor.child import Child\n"
        'child = Child("c", ["/bin/sleep", "60"], env={})\n'
        "child.start()\n"
        'open(sys.argv[1], "w").write(str(child.pid))\n'
        "os._exit(0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    parent = Child("parent", [sys.executable, "-c", program, str(numbers)], env=environment)
    parent.start()
    eventually(lambda: not parent.alive())
    eventually(lambda: gone(int(numbers.read_text())))
