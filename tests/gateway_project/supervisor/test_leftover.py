"""What a killed gateway leaves: its Redis is ended, a stranger with that one's number is not, its port is awaited."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_project.supervisor import embedded_redis, leftover, process, sockets
from gateway_project.supervisor.embedded_redis import EmbeddedRedis, NotStarted
from gateway_project.supervisor.lock import FolderLock
from gateway_project.supervisor.port import PortTaken, listen
from tests.conftest import MISSING
from tests.support.eventually import eventually


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gwdata-") as folder:
        yield Path(folder)
        sockets.remove(Path(folder))


def plan(data_dir: Path, port: int = 0) -> EmbeddedRedis:
    binary = embedded_redis.find_binary()
    if binary is None:
        pytest.skip(f"{MISSING}no Redis for the embedded default")
    return EmbeddedRedis.plan(binary, data_dir=data_dir, port=port)


@contextmanager
def running(server: EmbeddedRedis) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(server.command()) as child:
        try:
            server.wait_ready(lambda: child.poll() is None)
            server.write_address()
            yield child
        finally:
            child.kill()


@contextmanager
def stranger(program: str = "input()") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def test_a_redis_that_outlived_its_supervisor_is_ended(data_dir: Path) -> None:
    server = plan(data_dir)
    with running(server) as child:
        server.stop_leftover()
        assert child.wait(5) == 0
    assert not (data_dir / "redis" / "redis.pid").exists()


def test_one_whose_number_was_lost_is_ended_by_its_socket(data_dir: Path) -> None:
    server = plan(data_dir)
    with running(server) as child:
        (data_dir / "redis" / "redis.pid").unlink()
        server.stop_leftover()
        assert child.wait(5) == 0


def test_one_that_does_not_listen_is_killed(data_dir: Path) -> None:
    with running(plan(data_dir)) as child:
        os.kill(child.pid, signal.SIGSTOP)
        pid = leftover.running(data_dir / "redis" / "redis.pid", data_dir / "redis" / "redis.conf")
        assert pid == child.pid
        waiting = threading.Thread(target=child.wait)
        waiting.start()
        leftover.end(pid, polite=0.2)
        waiting.join(5)
        assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("content", ["", "none", "-1", "999999999"])
def test_a_number_that_leads_nowhere(data_dir: Path, content: str) -> None:
    (data_dir / "redis.pid").write_text(content)
    assert leftover.running(data_dir / "redis.pid", data_dir / "redis.conf") == 0
    assert leftover.running(data_dir / "absent", data_dir / "redis.conf") == 0


def test_a_stranger_with_the_same_number_is_left_alone(data_dir: Path) -> None:
    server = plan(data_dir)
    (data_dir / "redis").mkdir()
    with stranger() as child:
        (data_dir / "redis" / "redis.pid").write_text(str(child.pid))
        server.stop_leftover()
        assert child.poll() is None


def test_one_that_ended_and_was_not_waited_for_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    eventually(lambda: not process.alive(child.pid))
    assert child.wait(5) == 0
    assert process.alive(os.getpid())


def test_the_password_outlives_a_restart_and_is_nobody_elses(data_dir: Path) -> None:
    first = plan(data_dir, port=6399)
    first.command()
    first.write_address()
    assert plan(data_dir, port=6400).password == first.password
    assert plan(data_dir).password == ""
    for name in ("redis.json", "redis/redis.conf"):
        assert (data_dir / name).stat().st_mode & 0o777 == 0o600
    assert first.password not in " ".join(first.command())


def test_a_server_that_does_not_start_is_told_at_once(data_dir: Path) -> None:
    began = time.monotonic()
    with pytest.raises(NotStarted, match=r"redis\.log"):
        plan(data_dir).wait_ready(lambda: False)
    assert time.monotonic() - began < 5


def test_a_killed_gateway_is_expected_to_leave_something(data_dir: Path) -> None:
    assert not leftover.expected(data_dir)
    sockets.folder(data_dir)
    assert leftover.expected(data_dir)
    lock = FolderLock(data_dir)
    assert not leftover.expected(data_dir)  # it runs
    lock.release()
    sockets.remove(data_dir)
    assert not leftover.expected(data_dir)


def test_a_port_is_waited_for() -> None:
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(PortTaken):
        listen("127.0.0.1", port)
    threading.Timer(0.3, taken.close).start()
    with listen("127.0.0.1", port, patience=10) as ours:
        assert ours.getsockname()[1] == port


def test_the_folder_of_sockets_is_short_and_private(tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["a-long-name-of-a-folder"] * 8)
    folder = sockets.folder(deep)
    assert len(os.fsencode(folder / "control.sock")) <= sockets.LONGEST_PATH
    assert folder.stat().st_mode & 0o777 == 0o700
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "control.sock"))
    folder.chmod(0o755)
    with pytest.raises(RuntimeError, match="does not belong"):
        sockets.folder(deep)
    sockets.remove(deep)
    assert not folder.exists()
