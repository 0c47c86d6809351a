"""What docs/routes.md shows works as it stands, but for the port, and it names what there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from access.services import create_token
from providers import services
from providers.models import Route
from providers.services import route_policy
from tests.providers.test_route_policy import WHOLE
from tests.support.gateway import ROOT

PAGE = (ROOT / "docs" / "routes.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def first_cells(title: str) -> list[str]:
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_every_strategy_and_every_field_is_explained() -> None:
    assert first_cells("Strategies") == Route.Strategy.values
    assert first_cells("Policy") == [name for name in route_policy.FIELDS if name != "cache"]
    assert set(route_policy.FIELDS) == WHOLE.keys()


@pytest.mark.django_db(transaction=True)
def test_the_commands_answer(live_server: Any) -> None:
    services.create_provider(provider_id="echo", provider_type="echo", models=[{"model_id": "echo"}])
    user = get_user_model().objects.create_superuser("root", password="correct horse battery")
    _, token = create_token(user=user, name="docs")
    made, explained = (json.loads(said(command, live_server.url, token)) for command in COMMANDS)
    assert made["name"] == "steady"
    assert explained["plan"]["candidates"] == [
        {"model": "echo/echo", "key": "", "role": "target", "cooling_until": None}
    ]
    assert (explained["plan"]["error"], explained["plan"]["budget_seconds"]) == (None, 60.0)


def said(command: str, url: str, token: str) -> str:
    ran = subprocess.run(
        ["sh", "-ec", command.replace("http://127.0.0.1:8000", url)],
        env={**os.environ, "GATEWAY_ADMIN_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
