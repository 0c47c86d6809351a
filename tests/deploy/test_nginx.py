"""The nginx of docs/operations.md in front of a machine in production mode: TLS ends there, and all goes through it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from llm.http.exchange import BODY_LIMIT
from tests.deploy import documents
from tests.deploy.machines import Machines
from tests.support.children import die_with_parent, end
from tests.support.eventually import eventually
from tests.support.gateway import ADMIN_TOKEN, PASSWORD, PROJECT_KEY, GatewayProcess, free_port
from tests.support.upstream_tls import authority

HOST = "gateway.example.com"


@pytest.fixture(scope="module")
def proxy(gateway_machine: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.skip("not available: nginx")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    (folder / "nginx.conf").write_text(_configuration(folder, port, gateway_machine.url.removeprefix("http://")))
    process = subprocess.Popen(
        [binary, "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"],
        stderr=(folder / "log").open("wb"),
        preexec_fn=die_with_parent,
    )
    try:
        eventually(lambda: process.poll() is None and _answers(f"https://localhost:{port}"))
        yield f"https://localhost:{port}"
    finally:
        end(process)


def _configuration(folder: Path, port: int, gateway: str) -> str:
    """The page's block with this machine's ports and certificate, and what an nginx of its own needs round it."""
    block = documents.block("nginx")
    for found, own in (
        ("127.0.0.1:8000", gateway),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl/gateway.pem", authority().chain_path),
        ("/etc/ssl/gateway.key", authority().chain_path),
    ):
        assert block.count(found) == 1
        block = block.replace(found, own)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    rest = "daemon off;\nmaster_process off;\n" + f"pid {folder / 'pid'};\nevents {{}}\n"
    return f"{rest}http {{\naccess_log off;\n{places}{block}}}\n"


def _answers(url: str) -> bool:
    try:
        return _get(url, "/health").ok
    except requests.RequestException:
        return False


def _get(url: str, path: str, **headers: str) -> requests.Response:
    """Asks for the host that operators use; the certificate is that of localhost."""
    return requests.get(
        url + path, headers={"Host": HOST, **headers}, verify=authority().ca_path, timeout=30, allow_redirects=False
    )


def test_a_stream_and_its_end_come_through(proxy: str) -> None:
    body = {"model": "echo", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"Authorization": f"Bearer {PROJECT_KEY}", "Host": HOST}
    url = f"{proxy}/v1/chat/completions"
    with requests.post(url, json=body, headers=headers, verify=authority().ca_path, timeout=30, stream=True) as answer:
        pieces = list(answer.iter_lines())
    assert answer.status_code == 200 and pieces[-2] == b"data: [DONE]"


def test_an_operator_logs_in(proxy: str) -> None:
    """With the cookies of production, and the check of where a form came from."""
    page = _get(proxy, "/admin/login/")
    assert "secure" in page.headers["set-cookie"].lower()
    token = page.cookies["csrftoken"]
    answer = requests.post(
        f"{proxy}/admin/login/",
        data={"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token},
        headers={
            "Host": HOST,
            "Cookie": f"csrftoken={token}",
            "Origin": f"https://{HOST}",
            "Referer": f"https://{HOST}/admin/login/",
        },
        verify=authority().ca_path,
        timeout=30,
        allow_redirects=False,
    )
    assert answer.status_code == 302 and "sessionid" in answer.cookies


def test_the_history_names_the_callers_address(proxy: str, machines: Machines) -> None:
    """Here another trusted proxy, at the address that nginx sees, hands a call on for 192.0.2.7."""
    body = {"slug": "through-the-proxy"}
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Host": HOST, "X-Forwarded-For": "192.0.2.7"}
    made = requests.post(f"{proxy}/projects", json=body, headers=headers, verify=authority().ca_path, timeout=30)
    assert made.status_code == 201, made.text
    with psycopg.connect(machines.database) as connection:
        newest = connection.execute("SELECT host(ip) FROM audit_changeset ORDER BY revision DESC LIMIT 1").fetchone()
    assert newest == ("192.0.2.7",)


def test_metrics_are_not_for_everybody(proxy: str) -> None:
    assert _get(proxy, "/metrics").status_code == 404


def test_the_body_limit_is_the_gateways() -> None:
    (size,) = re.findall(r"client_max_body_size (\d+)m;", documents.block("nginx"))
    assert int(size) * 1024 * 1024 == BODY_LIMIT
