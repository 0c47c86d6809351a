"""The API section of the founding document runs as written, but for the token header and the port."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.gateway import ADMIN_TOKEN, GatewayProcess

SEED = (Path(__file__).parents[1] / "fixtures" / "SEED.md").read_text()
HEADER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


def example(heading: str) -> str:
    found = re.search(rf"#### {heading}\n\n```python\n(.*?)```", SEED, re.DOTALL)
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
