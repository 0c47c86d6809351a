"""The image is whole. No Docker is needed: its /app is made here by the Dockerfile's own steps, and serves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.deploy import deployment
from tests.support.children import die_with_parent
from tests.support.eventually import eventually
from tests.support.gateway import ADMIN_TOKEN, PASSWORD, PROJECT_KEY, clean_environment, free_port


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deployment.unpack_image(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    secrets = {"ADMIN_PASSWORD": PASSWORD, "ADMIN_TOKEN": ADMIN_TOKEN, "PROJECT_KEY": PROJECT_KEY}
    values = {"ENV": "production", "ENCRYPTION_KEY": "of-the-suite-0123456789abcdef", **secrets}
    own = clean_environment(tmp_path_factory.mktemp("data"), API_HOST="127.0.0.1", API_PORT=str(free_port()), **values)
    return {**own, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def url(app: Path, environment: dict[str, str]) -> Iterator[str]:
    """What compose runs: init, then api."""
    services = deployment.compose()["services"]
    subprocess.run(_command(services["init"]), cwd=app, env=environment, check=True, capture_output=True, timeout=120)
    log = Path(environment["LLM_GATEWAY_DATA_DIR"]).parent / "log.jsonl"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            _command(services["api"]),
            cwd=app,
            env=environment,
            stdout=errors,
            stderr=errors,
            preexec_fn=die_with_parent,
        )
    found = f"http://127.0.0.1:{environment['LLM_GATEWAY_API_PORT']}"
    try:
        eventually(lambda: _status(f"{found}/ready") == 200, seconds=60)
        eventually(lambda: _status(f"{found}/admin/login/") == 200, seconds=60)
        yield found
    finally:
        process.terminate()
        assert process.wait(60) == 0, log.read_text()


def _command(service: dict[str, list[str]]) -> list[str]:
    return [sys.executable, *service["command"][1:]]


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=10).status_code
    except requests.RequestException:
        return 0


def test_it_answers_calls_and_pages(url: str) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"Authorization": f"Bearer {PROJECT_KEY}"}
    answer = requests.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=30)
    assert (answer.status_code, "Hello" in answer.text) == (200, True)
    assert requests.get(f"{url}/providers", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=30).ok
    login = requests.get(f"{url}/admin/login/", timeout=30)
    assert login.ok and "csrfmiddlewaretoken" in login.text


def test_its_style_sheets_are_in_it(url: str) -> None:
    page = requests.get(f"{url}/admin/login/", timeout=30).text
    sheets = [part.partition('"')[0] for part in page.split('href="')[1:] if ".css" in part.partition('"')[0]]
    assert sheets
    for sheet in sheets:
        assert _status(url + sheet) == 200, sheet


def test_nothing_is_written_beside_the_code(app: Path, url: str, tmp_path: Path) -> None:
    """Its root file system is read-only."""
    assert _status(f"{url}/health") == 200
    assert _names(app) == _names(deployment.unpack_image(tmp_path))


def _names(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}
