"""`LLM_GATEWAY_ENV=production`: it does not start without its key, and is strict where development is lenient."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
import requests

from tests.support.gateway import GatewayProcess, clean_environment, manage


@pytest.mark.parametrize("command", [("init_db", "--sync"), ("run_api", "--port", "0")], ids=lambda it: it[0])
def test_it_does_not_start_without_an_encryption_key(command: tuple[str, ...], tmp_path: Path) -> None:
    refused = manage(clean_environment(tmp_path, ENV="production"), *command)
    assert refused.returncode != 0
    assert "LLM_GATEWAY_ENCRYPTION_KEY" in refused.stderr
    assert not (tmp_path / "data" / "encryption.key").exists() and not (tmp_path / "gateway.db").exists()


def test_it_makes_no_key_file(gateway_machine: GatewayProcess) -> None:
    assert not (gateway_machine.folder / "data" / "encryption.key").exists()


@pytest.mark.parametrize("base", ["http://127.0.0.1:9/v1", "http://10.0.0.1/v1", "http://localhost/v1"])
def test_private_upstreams_are_refused(base: str, gateway_machine: GatewayProcess) -> None:
    body = {
        "provider_id": f"inside-{secrets.token_hex(4)}",
        "display_name": "Inside",
        "provider_type": "openai",
        "connection_params": {"api_base": base},
    }
    refused = gateway_machine.rest("POST", "/providers", json=body)
    assert refused.status_code == 400
    assert "LLM_GATEWAY_ALLOW_PRIVATE_UPSTREAMS" in refused.text


def test_cookies_are_for_https_only(gateway_machine: GatewayProcess) -> None:
    answer = requests.get(f"{gateway_machine.url}/admin/login/", timeout=10)
    assert answer.status_code == 200
    cookies = list(answer.cookies)
    assert [cookie.name for cookie in cookies] == ["csrftoken"] and all(cookie.secure for cookie in cookies)


def test_only_the_allowed_hosts_are_answered(gateway_machine: GatewayProcess) -> None:
    def login(host: str) -> int:
        return requests.get(f"{gateway_machine.url}/admin/login/", headers={"Host": host}, timeout=10).status_code

    assert (login("gateway.example.com"), login("evil.example.com")) == (200, 400)


def test_a_probe_needs_no_name(gateway_machine: GatewayProcess) -> None:
    """Kubernetes asks a pod by its address."""
    for path in ("/health", "/ready"):
        answer = requests.get(gateway_machine.url + path, headers={"Host": "10.1.2.3:8000"}, timeout=10)
        assert answer.status_code == 200


def test_the_pages_of_the_api_want_somebody(gateway_machine: GatewayProcess) -> None:
    assert requests.get(f"{gateway_machine.url}/docs", timeout=10).status_code == 401
    assert gateway_machine.rest("GET", "/schema").status_code == 200
