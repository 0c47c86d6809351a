"""The founding document runs as written: its API section but for the token header and the port, the integration of a
backoffice but for the imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.gateway import ADMIN_TOKEN, ROOT, GatewayProcess, clean_environment

SEED = (Path(__file__).parents[1] / "fixtures" / "SEED.md").read_text()
HEADER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
IMPORTS = {
    f"from asf.medical.llm_gateway.core.{name} import": f"from llm.core.{name} import"
    for name in ("client", "models", "factory", "config_loader")
}
MODEL = "gpt-4-turbo-preview"  # which the example asks for


def example(heading: str) -> str:
    found = re.search(rf"###+ {heading}\n\n.*?```python\n(.*?)```", SEED, re.DOTALL)
    assert found is not None, heading
    return found.group(1)


def run(code: str, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list[Any]]:
    """Runs the code with every `requests` call carrying the token; its variables, and the answers in order."""
    answers: list[requests.Response] = []
    send = requests.api.request

    def request(method: str, url: str, **arguments: Any) -> requests.Response:
        answers.append(send(method, url, headers=HEADER, **arguments))
        return answers[-1]

    monkeypatch.setattr(requests.api, "request", request)
    variables: dict[str, Any] = {}
    exec(compile(code.replace("http://localhost:8000", gateway.url), "SEED.md", "exec"), variables)
    return variables, answers


def test_provider_management(gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    variables, answers = run(example("Provider Management"), gateway, monkeypatch)
    assert [answer.status_code for answer in answers] == [200, 201, 200, 204]
    created = variables["created_provider"]
    assert (created["provider_id"], created["connection_params"]) == (
        "anthropic",
        {"api_base": "https://api.anthropic.com"},
    )
    assert [model["model_id"] for model in created["models"]] == ["claude-3-opus-20240229"]
    assert created["api_keys"][0]["is_encrypted"] is True
    assert "your-api-key" not in str(created)
    assert variables["updated_provider"]["display_name"] == "Anthropic AI"


def test_model_management(gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"provider_id": "openai", "display_name": "OpenAI", "provider_type": "openai"}
    assert gateway.rest("POST", "/providers", json=body).status_code == 201
    variables, answers = run(example("Model Management"), gateway, monkeypatch)
    assert [answer.status_code for answer in answers] == [200, 201, 200, 204]
    assert variables["created_model"]["context_window"] == 128000
    updated = variables["updated_model"]
    assert (updated["display_name"], updated["context_window"]) == ("GPT-4o (2024)", 256000)
    assert gateway.rest("DELETE", "/providers/openai").status_code == 204


def call(environment: dict[str, str], folder: Path, *, before: str = "") -> str:
    """What the example of the integration prints, in a process of its own. Its `await` needs a function round it."""
    code = example("LLM Interaction Integration")
    for theirs, ours in IMPORTS.items():
        assert theirs in code
        code = code.replace(theirs, ours)
    program = f"{before}\nasync def main():\n{textwrap.indent(code, '    ')}\nimport asyncio\nasyncio.run(main())\n"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_integration_from_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "gateway_config.yaml"
    file.write_text(f"version: 1\nproviders: {{e: {{provider_type: echo, models: {{{MODEL}: {{}}}}}}}}\n")
    assert call(clean_environment(tmp_path, CONFIG_PATH=str(file)), tmp_path) == "Echo: Hello, world!"
    assert os.listdir(tmp_path) == ["gateway_config.yaml"]  # no database, no folder of data


def test_integration_in_a_django_process_is_recorded_like_every_call(gateway: GatewayProcess, tmp_path: Path) -> None:
    body = {"provider_id": "backoffice", "provider_type": "echo", "models": [{"model_id": MODEL}]}
    assert gateway.rest("POST", "/providers", json=body).status_code == 201
    environment = {**gateway.environment, "DJANGO_SETTINGS_MODULE": "gateway_project.settings"}
    assert call(environment, tmp_path, before="import django\ndjango.setup()") == "Echo: Hello, world!"

    def recorded() -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = gateway.rest("GET", "/calls?provider=backoffice").json()["results"]
        return calls

    (found,) = eventually(recorded)
    assert (found["status"], found["project"], found["model"]) == ("succeeded", "default", MODEL)
    assert found["tags"] == {"session_id": "example-session"} and found["revision"] > 0
