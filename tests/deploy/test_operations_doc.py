"""What docs/ names exists: commands and their options, scripts, variables, metrics, alerts, log lines, files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from gateway_project.settings.environment import NAMES, PREFIX
from tests.deploy import documents
from tests.deploy.queries import alert_rules, queries
from tests.support.gateway import ROOT

PAGES = documents.pages()
HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
METRICS = {HISTOGRAM.sub("", name) for query in queries() for name in query.metrics()}
NO_METRICS = {"llm_gateway_client"}
TOP = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ("data", "backup")}
SOURCES = "".join(
    file.read_text()
    for package in ("gateway_project", "access", "providers", "audit", "llm")
    for file in sorted((ROOT / package).rglob("*.py"))
)


@pytest.fixture(params=PAGES, ids=documents.name_of)
def page(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text()


def test_commands_exist_with_their_options(page: str) -> None:
    known = get_commands()
    for name, options in documents.commands(page):
        assert name in known, name
        command = load_command_class(known[name], name) if isinstance(known[name], str) else known[name]
        taken = command.create_parser("manage.py", name)._option_string_actions
        assert set(options) <= set(taken), (name, options)


def test_scripts_exist(page: str) -> None:
    for name in re.findall(r"\bscript/([a-z]+)", page):
        assert (ROOT / "script" / name).exists(), name


def test_variables_exist(page: str) -> None:
    for name in re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]", page):
        assert name in NAMES, name


def test_metrics_exist(page: str) -> None:
    """Those of the dashboard and the alerts are compared with a running gateway in test_metrics.py."""
    named = {HISTOGRAM.sub("", name) for name in re.findall(r"\bllm_gateway_\w+", page)} - NO_METRICS
    assert named <= METRICS


def test_files_exist(page: str) -> None:
    for name in re.findall(r"`([\w.*-]+/[\w./*<>-]*)`", page):
        if name.partition("/")[0] in TOP and "<" not in name:
            assert list(ROOT.glob(name.rstrip("/"))) or _ignored(name), name


def _ignored(name: str) -> bool:
    """`deploy/.env` is made by who operates it, and named in .gitignore."""
    return subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0


def test_the_tables_of_metrics_and_alerts_are_whole() -> None:
    named = documents.first_cells(documents.section("Metrics and alerts"))
    assert {name for name in named if name.startswith("llm_gateway_")} == METRICS
    assert [name for name in named if name.startswith("LLMGateway")] == [rule["alert"] for rule in alert_rules()]


def test_log_lines_are_those_of_the_product() -> None:
    events = documents.first_cells(documents.section("Log lines worth an alarm"))
    assert len(events) > 5
    levels = re.findall(r"^\| `[^`]+` \| (\w+) \|", documents.section("Log lines worth an alarm"), re.MULTILINE)
    for event, level in zip(events, levels, strict=True):
        logged = re.search(rf'\.(\w+)\(\s*"{re.escape(event)}"', SOURCES)
        assert logged is not None, event
        assert logged[1].replace("exception", "error") == level, event


def test_every_page_of_a_decision_is_short_and_numbered() -> None:
    decisions = sorted((documents.DOCS / "decisions").glob("*.md"))
    for number, file in enumerate(decisions, 1):
        lines = file.read_text().splitlines()
        assert file.name.startswith(f"{number:04}-") and lines[0].startswith(f"# {number}. ")
        assert len(lines) <= 40, file.name


def test_the_files_of_deploy_name_pages_and_files_that_exist() -> None:
    for file in (path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.name != ".env"):
        for name in re.findall(r"\b((?:docs|deploy|script)/[\w./-]*\w)", file.read_text()):
            assert (ROOT / name).exists() or _ignored(name), f"{file.name}: {name}"
