"""`gateway_project.asgi` serves everything in one process of any ASGI server; here uvicorn, as anybody starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.gateway import ROOT, GatewayProcess, free_port, manage


def ready(gateway: GatewayProcess) -> bool:
    try:
        return requests.get(f"{gateway.url}/ready", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("lifespan", ["on", "off"])
def test_another_server_serves_everything(tmp_path: Path, lifespan: str) -> None:
    gateway = GatewayProcess(tmp_path)
    assert manage(gateway.environment, "init_db", "--sync").returncode == 0
    port = str(free_port())
    gateway.url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "gateway_project.asgi:application", "--port", port]
    with subprocess.Popen([*command, "--lifespan", lifespan], cwd=ROOT, env=gateway.environment) as server:
        try:
            eventually(lambda: ready(gateway), seconds=30)
            answer = gateway.chat("echo")
            assert answer.status_code == 200, answer.text
            call_id = answer.headers["x-gateway-call-id"]
            eventually(lambda: gateway.rest("GET", f"/calls/{call_id}").status_code == 200)
            assert requests.get(f"{gateway.url}/admin/login/", timeout=10).status_code == 200
            assert gateway.rest("GET", "/providers/echo").json()["provider_type"] == "echo"
        finally:
            server.terminate()
        assert server.wait(30) in (0, -15)  # uvicorn raises the signal again once it has stopped
