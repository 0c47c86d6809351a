"""A provider is tested and its models are discovered in each way in which the control plane runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.gateway import ROOT, GatewayProcess, free_port, manage
from tests.support.upstream_thread import ThreadedUpstream

SERVERS = {
    "asgi": ["-m", "uvicorn", "gateway_project.asgi:application", "--port"],
    "asgi without lifespan": ["-m", "uvicorn", "gateway_project.asgi:application", "--lifespan", "off", "--port"],
    "runserver": ["manage.py", "runserver", "--noreload", "--skip-checks"],
}


@contextmanager
def started(folder: Path, server: str) -> Iterator[GatewayProcess]:
    gateway = GatewayProcess(folder)
    assert manage(gateway.environment, "init_db", "--sync").returncode == 0
    port = str(free_port())
    gateway.url = f"http://127.0.0.1:{port}"
    command = [sys.executable, *SERVERS[server], port]
    with subprocess.Popen(command, cwd=ROOT, env=gateway.environment) as process:
        try:
            eventually(lambda: answers(gateway), seconds=60)
            yield gateway
        finally:
            process.terminate()


def answers(gateway: GatewayProcess) -> bool:
    try:
        return requests.get(f"{gateway.url}/admin/login/", timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


def try_it(gateway: GatewayProcess, upstream: ThreadedUpstream) -> None:
    body = {
        "provider_id": "tried",
        "provider_type": "openai",
        "enabled": False,
        "connection_params": {"api_base": f"{upstream.url}/v1"},
        "models": [{"model_id": "gpt-4o"}],
        "api_key": {"key_value": "sk-test"},
    }
    assert gateway.rest("POST", "/providers", json=body).status_code == 201
    before = len(upstream.requests)
    tested = gateway.rest("POST", "/providers/tried/test", json={}).json()
    assert (tested["success"], tested["model_tested"]) == (True, "gpt-4o"), tested
    assert tested["response"].startswith("echo: ")
    listed = gateway.rest("POST", "/providers/tried/discover", json={"apply": ["gpt-4o-mini"]}).json()
    assert (listed["success"], listed["added"]) == (True, ["gpt-4o-mini"]), listed
    assert [one.path for one in upstream.requests[before:]] == ["/v1/chat/completions", "/v1/models"]
    status = {one["provider_id"]: one for one in gateway.rest("GET", "/status").json()["providers"]}
    assert status["tried"]["state"] == "disabled" and status["tried"]["last_test"] == tested
    assert status["echo"]["state"] == "ready"


def test_in_the_control_process(gateway: GatewayProcess, upstream: ThreadedUpstream) -> None:
    try_it(gateway, upstream)

    def counted() -> bool:
        [key] = gateway.rest("GET", "/providers/tried/api-keys").json()["results"]
        days = gateway.rest("GET", f"/providers/tried/api-keys/{key['key_id']}/usage").json()["days"]
        return [day["requests"] for day in days] == [1] and key["last_used_at"] is not None

    eventually(counted)  # the test's own call


def test_the_control_process_probes(gateway: GatewayProcess, upstream: ThreadedUpstream) -> None:
    body = {
        "provider_id": "probed-2",  # one of those that come first after a start
        "provider_type": "openai",
        "connection_params": {"api_base": f"{upstream.url}/v1"},
        "models": [{"model_id": "only-probed"}],
        "api_key": {"key_value": "sk-test"},
        "request_settings": {"probe_interval_seconds": 86_400},
    }
    assert gateway.rest("POST", "/providers", json=body).status_code == 201

    def probe() -> dict[str, Any] | None:
        told = gateway.rest("GET", "/status").json()["providers"]
        return next(one["last_probe"] for one in told if one["provider_id"] == "probed-2")

    assert eventually(probe, seconds=30)["success"]

    def calls() -> list[dict[str, str]]:
        return [one["tags"] for one in gateway.rest("GET", "/calls?provider=probed-2").json()["results"]]

    assert eventually(calls) == [{"door": "probe"}]
    assert gateway.rest("DELETE", "/providers/probed-2").status_code == 204


@pytest.mark.parametrize("server", SERVERS)
def test_in_one_process(tmp_path: Path, upstream: ThreadedUpstream, server: str) -> None:
    with started(tmp_path, server) as gateway:
        try_it(gateway, upstream)
