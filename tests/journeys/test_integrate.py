"""Every example of docs/integrate.md runs as it stands and prints what it says; of our code it has the client only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.gateway import ADMIN_TOKEN, PROJECT_KEY, ROOT, GatewayProcess

PAGE = (ROOT / "docs" / "integrate.md").read_text()
BLOCKS = re.compile(r"(?:<!-- run: ([a-z-]+) -->\n)?```(\w*)\n(.*?)```", re.DOTALL)
MARKED = {name: (kind, code) for name, kind, code in BLOCKS.findall(PAGE)}
# Those that define something for a program: how a program uses it.
USES = {
    "pieces": """
import asyncio
from django.conf import settings
from django.http import StreamingHttpResponse
settings.configure(DEFAULT_CHARSET="utf-8")
async def use():
    async for piece in StreamingHttpResponse(pieces("Hello", "user-17"), content_type="text/event-stream"):
        print(piece)
asyncio.run(use())
""",
    "django": """
import django
from django.conf import settings
from django.test import RequestFactory
settings.configure(DEFAULT_CHARSET="utf-8", ALLOWED_HOSTS=["*"])
django.setup()
print(b"".join(ask(RequestFactory().post("/ask", {"question": "Hello, page"}))).decode())
""",
    "tests": """
if __name__ == "__main__":
    raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", __file__]))
""",
}
EXPECTED = {
    "pieces": [rf"b'data: {told}\n\n'" for told in ('{"text": "Echo:"}', '{"text": " Hello"}', '{"done": "stop"}')],
    "django": ["Echo: Hello, page"],
}


@pytest.fixture(scope="module")
def environment(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the page names; of our code only the client can be imported."""
    path = tmp_path_factory.mktemp("path")
    (path / "llm_gateway_client").symlink_to(ROOT / "llm_gateway_client")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLM_GATEWAY_", "DJANGO_"))}
    yield {
        **kept,
        "PYTHONPATH": str(path),
        "GATEWAY_URL": gateway.url,
        "GATEWAY_KEY": PROJECT_KEY,
        "GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN,
        "GATEWAY_REDIS": gateway.redis_url(),
    }
    for made in ("/routes/practice", "/providers/training", "/providers/plain", "/providers/priced"):
        gateway.rest("DELETE", made)


def run(name: str, environment: dict[str, str], folder: Path) -> list[str]:
    """The lines that the example prints, run in `folder`."""
    kind, code = MARKED[name]
    program = folder / f"test_{name.replace('-', '_')}.{'sh' if kind == 'sh' else 'py'}"
    program.write_text(
        code.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT}/manage.py") + USES.get(name, "")
    )
    ran = subprocess.run(
        ["sh", "-eu", program] if kind == "sh" else [sys.executable, program],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


def told(name: str) -> list[str]:
    """What the page says that it prints."""
    return re.findall(r"# -> (.*)", MARKED[name][1]) or EXPECTED.get(name, [])


def test_every_example_is_run() -> None:
    assert "" not in MARKED
    assert len(MARKED) == len(BLOCKS.findall(PAGE))
    assert set(USES) | set(EXPECTED) <= set(MARKED)


@pytest.mark.parametrize("name", ["manage", "requests", "client", "openai", "celery-client", "celery", "errors"])
def test_what_it_prints(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    assert told(name)
    assert run(name, environment, tmp_path) == told(name)


@pytest.mark.parametrize("name", ["pieces", "django"])
def test_streams_into_a_page(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    assert run(name, environment, tmp_path) == EXPECTED[name]


def test_in_the_gateways_own_process(gateway: GatewayProcess, environment: dict[str, str], tmp_path: Path) -> None:
    own = {**gateway.environment, "PYTHONPATH": str(ROOT)}
    before = gateway.rest("GET", "/calls").json()["count"]
    assert run("local", own, tmp_path) == told("local")
    # Its record waits in the folder that it shares with the gateway, whose ingester brings it in.
    assert eventually(lambda: gateway.rest("GET", "/calls").json()["count"]) > before


def test_the_record_and_the_costs(gateway: GatewayProcess, environment: dict[str, str], tmp_path: Path) -> None:
    run("openai", environment, tmp_path)
    eventually(lambda: gateway.rest("GET", "/calls/case-4711-1").status_code == 200)
    assert run("record", environment, tmp_path) == told("record")
    assert "user-17 greeting $0.000000" in run("costs", environment, tmp_path)


def test_the_costs_are_those_of_the_records(
    gateway: GatewayProcess, environment: dict[str, str], tmp_path: Path
) -> None:
    prices = [{"input": 1_000_000_000, "output": 2_000_000_000}]  # a dollar, and two, for a million tokens
    body = {"provider_id": "priced", "display_name": "P", "provider_type": "echo"}
    made = gateway.rest("POST", "/providers", json={**body, "models": [{"model_id": "echo-1", "prices": prices}]})
    assert made.status_code == 201, made.text
    for _ in range(2):  # 1 token in, 2 out
        answer = eventually(lambda: (found := gateway.chat("priced/echo-1", user="user-18")).ok and found)
        assert float(answer.headers["x-gateway-cost-usd"]) == 0.000005
    eventually(lambda: "user-18 nothing $0.000010" in run("costs", environment, tmp_path))


def test_from_a_shell(environment: dict[str, str], tmp_path: Path) -> None:
    assert run("shell", environment, tmp_path) == ["Echo: Say hello", "Echo: Sum up:", "", "some long text"]
    assert [line[:10] for line in (tmp_path / "answers.jsonl").read_text().splitlines()] == ['{"line": 1', '{"line": 2']


def test_tests_of_ones_own(environment: dict[str, str], tmp_path: Path) -> None:
    assert run("tests", environment, tmp_path)[-1].startswith("4 passed")
