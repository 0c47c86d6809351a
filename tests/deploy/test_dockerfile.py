"""The image: small, not root, checked, and whole. No Docker is needed: its /app is made here by the same steps."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy import deployment
from tests.deploy.deployment import DEPLOY
from tests.support.gateway import ROOT, GatewayProcess

STEPS = deployment.dockerfile()


def rest_of(name: str) -> list[str]:
    return [rest for instruction, rest in STEPS if instruction == name]


def test_it_has_two_stages_and_does_not_run_as_root() -> None:
    assert len(rest_of("FROM")) == 2
    user = rest_of("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert STEPS.index(("USER", user)) > max(number for number, step in enumerate(STEPS) if step[0] in ("COPY", "RUN"))


def test_it_is_checked_and_keeps_its_data() -> None:
    assert rest_of("VOLUME") == ["/data"] and rest_of("EXPOSE") == ["8000"]
    assert "LLM_GATEWAY_DATA_DIR=/data" in rest_of("ENV")[0] and "LLM_GATEWAY_ENV=production" in rest_of("ENV")[0]
    assert len(rest_of("HEALTHCHECK")) == 1


def test_it_copies_what_exists_and_no_secret() -> None:
    assert rest_of("ADD") == []
    assert "." not in [source for source, _ in deployment.copied()]
    assert all((ROOT / source).exists() for source, _ in deployment.copied())
    names = " ".join(rest for instruction, rest in STEPS if instruction in ("ENV", "ARG", "COPY"))
    assert not re.search(r"SECRET|PASSWORD|TOKEN|_KEY|\.env|\.db", names)


def test_the_builder_is_sent_only_what_is_copied() -> None:
    rules = [
        line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in ("#", "")
    ]
    assert rules[0] == "*"
    sources = {source for source, _ in deployment.copied()} | {"requirements.txt"}
    assert {rule[1:] for rule in rules if rule.startswith("!")} == sources


def test_every_package_of_the_product_is_in_it() -> None:
    listed = subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "*/__init__.py"], cwd=ROOT, text=True
    )
    packages = {Path(name).parts[0] for name in listed.splitlines()} - {"tests", "bench", "examples"}
    assert packages <= {source for source, _ in deployment.copied()}


@pytest.mark.parametrize("answers", [True, False])
def test_the_health_check_tells_a_gateway_that_answers(answers: bool, gateway_machine: GatewayProcess) -> None:
    command = json.loads(rest_of("HEALTHCHECK")[0].partition("CMD ")[2])
    port = gateway_machine.url.rpartition(":")[2] if answers else "1"
    ran = subprocess.run(
        [sys.executable, *command[1:]], env={"LLM_GATEWAY_API_PORT": port}, capture_output=True, check=False, timeout=20
    )
    assert (ran.returncode == 0) is answers


def test_the_commands_are_lists_so_that_signals_arrive() -> None:
    for instruction in ("CMD", "ENTRYPOINT"):
        assert isinstance(json.loads(rest_of(instruction)[-1]), list)
    assert "tini" in shlex.split(rest_of("RUN")[1])
