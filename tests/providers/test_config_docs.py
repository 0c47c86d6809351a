"""What docs/configuration.md shows works as it stands, but for the port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model

from access.services import create_token
from llm.adapters import kinds
from llm.core import file_snapshot, reading, shapes
from llm.core.surroundings import Surroundings
from providers.config_file import import_text
from providers.models import ProviderModel
from tests.support.gateway import ROOT, clean_environment, manage

PAGE = (ROOT / "docs" / "configuration.md").read_text()
COMMANDS, CALLS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
[PROGRAM] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[FILE] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.django_db
def test_the_file_is_applied() -> None:
    assert "+ project:search" in import_text(FILE).plan
    assert ProviderModel.objects.filter(model_id="meta-llama/Llama-3:free").exists()
    assert import_text(FILE).plan == []


@pytest.mark.django_db(transaction=True)
def test_the_calls_answer(live_server: Any, tmp_path: Path) -> None:
    user = get_user_model().objects.create_superuser("root", password="correct horse battery")
    _, token = create_token(user=user, name="docs")
    import_text(FILE)
    ran = subprocess.run(
        ["sh", "-ec", CALLS.replace("http://127.0.0.1:8000", live_server.url)],
        env={**os.environ, "GATEWAY_ADMIN_TOKEN": token},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert '"plan":[]' in ran.stdout.replace(" ", "")
    assert sorted(yaml.safe_load((tmp_path / "exported.yaml").read_text())["projects"]) == ["search"]
    assert "$schema" in (tmp_path / "schema.json").read_text()


def test_the_commands_run(tmp_path: Path) -> None:
    path = tmp_path / "shared.yaml"
    path.write_text(FILE)
    environment = clean_environment(tmp_path, CONFIG_PATH=str(path), KEY_ENV="OPENAI_API_KEY")
    made = manage(environment, "init_db", "--sync")
    assert made.returncode == 0, made.stderr
    assert "+ route:fast" in made.stderr
    ran = subprocess.run(
        ["sh", "-ec", COMMANDS.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT}/manage.py")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert sorted(yaml.safe_load((tmp_path / "gateway.yaml").read_text())["routes"]) == ["fast"]
    path.write_text(FILE.replace("weight: 2", "weight: two"))
    refused = manage(environment, "init_db", "--sync")
    assert refused.returncode == 1
    assert "line 19: providers.openai.api_keys.1.weight: it must be a whole number." in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_program_runs_without_a_database(tmp_path: Path) -> None:
    environment = {**clean_environment(tmp_path), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Echo: Hello\n", "")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_understood_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    stated = shapes.read(reading.read(FILE))
    for environment, keys in (("development", 1), ("production", 0)):
        found = file_snapshot.build(stated, Surroundings(environment), kinds.BY_NAME)
        assert len(found.snapshot.providers.upstreams["openai"].keys) == keys
        assert len(found.notes) == 1 - keys
