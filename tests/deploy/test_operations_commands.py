"""The commands of docs/operations.md that are marked `<!-- run: ... -->` run as they stand, but for port and folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest
from django.core.management.utils import get_random_secret_key

from tests.deploy import deployment, documents
from tests.deploy.machines import METRICS_TOKEN, new_database
from tests.support import postgres
from tests.support.gateway import ADMIN_TOKEN, PASSWORD, PROJECT_KEY, ROOT, GatewayProcess, clean_environment

TESTED = {"new-env", "kubernetes-env", "health", "prune"}
TESTED |= {f"{verb}-{database}" for verb in ("backup", "restore") for database in ("sqlite", "postgresql")}
SECRETS = {"ADMIN_PASSWORD": PASSWORD, "ADMIN_TOKEN": ADMIN_TOKEN, "PROJECT_KEY": PROJECT_KEY}


def test_each_marked_block_is_run_here() -> None:
    assert sorted(documents.marks()) == sorted(TESTED)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like the repository with its environment: what the commands write lands in it."""
    for name in ("manage.py", "deploy"):
        (tmp_path / name).symlink_to(ROOT / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path


def run(name: str, folder: Path, environment: Mapping[str, str], *, change: Callable[[str], str] = str) -> str:
    """Runs the block; what it printed."""
    code = change(documents.block("sh", run=name))
    ran = subprocess.run(
        ["sh", "-euc", code], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_secrets_for_an_environment_file(checkout: Path) -> None:
    run("new-env", checkout, os.environ)
    file = checkout / "gateway.env"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "gateway.example.com" in deployment.environment_file(file.read_text())["LLM_GATEWAY_ALLOWED_HOSTS"]


def test_secrets_for_kubernetes(checkout: Path) -> None:
    """With what has to be added, all that the Secret's example names, and no blank that hides the ConfigMap's value."""
    run("kubernetes-env", checkout, os.environ)
    made = deployment.environment_file((checkout / "gateway.env").read_text())
    example = next(one for one in deployment.kubernetes() if one["kind"] == "Secret")
    assert {*made, "LLM_GATEWAY_DATABASE_URL", "LLM_GATEWAY_REDIS_URL"} == set(example["stringData"])
    assert all(made.values())


def test_health(gateway_machine: GatewayProcess, tmp_path: Path) -> None:
    environment = {**os.environ, "LLM_GATEWAY_METRICS_TOKEN": METRICS_TOKEN}
    printed = run(
        "health", tmp_path, environment, change=lambda code: code.replace("http://127.0.0.1:8000", gateway_machine.url)
    )
    assert '"ok"' in printed and '"ready"' in printed and "llm_gateway_spool_records" in printed


def manage(folder: Path, environment: Mapping[str, str], *arguments: str) -> None:
    command = [folder / ".venv" / "bin" / "python", "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def create_user(folder: Path, environment: Mapping[str, str], name: str) -> None:
    manage(
        folder,
        {**environment, "NEW_PASSWORD": get_random_secret_key()},
        "create_user",
        name,
        "--password-env=NEW_PASSWORD",
    )


def test_sqlite_is_backed_up_and_restored(checkout: Path) -> None:
    own = clean_environment(checkout, DATABASE_URL=f"sqlite:///{checkout / 'llm_gateway.db'}", **SECRETS)
    manage(checkout, own, "init_db", "--sync")
    create_user(checkout, own, "before")
    run("backup-sqlite", checkout, own)
    key = (checkout / "data" / "encryption.key").read_text()
    assert {file.stat().st_mode & 0o777 for file in (checkout / "backup").iterdir()} == {0o600}
    (checkout / "data" / "encryption.key").unlink()
    (checkout / "llm_gateway.db").write_bytes(b"a disk that failed")
    run("restore-sqlite", checkout, own)
    assert (checkout / "data" / "encryption.key").read_text() == key
    manage(checkout, own, "create_token", "before")


def test_postgresql_is_backed_up_and_restored(checkout: Path, postgres_url: str) -> None:
    with new_database(postgres_url) as old, new_database(postgres_url) as new:
        own = with_tools(clean_environment(checkout, DATABASE_URL=old, **SECRETS))
        manage(checkout, own, "init_db", "--sync")
        create_user(checkout, own, "before")
        insert_call(old)
        run("backup-postgresql", checkout, own)
        restored = {**own, "LLM_GATEWAY_DATABASE_URL": new}
        run("restore-postgresql", checkout, restored)
        manage(checkout, restored, "create_token", "before")
        assert partitions(new) == partitions(old) and len(calls(new)) == 1 and calls(new) == calls(old)


def with_tools(environment: Mapping[str, str]) -> dict[str, str]:
    """pg_dump must be as new as the server: that of the server's own folder."""
    try:
        place = postgres.binaries()
    except postgres.NotAvailable as error:
        pytest.skip(f"not available: {error}")
    if not (place / "pg_dump").exists():
        pytest.skip("not available: pg_dump beside PostgreSQL")
    return {**environment, "PATH": f"{place}:{os.environ['PATH']}"}


def insert_call(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO audit_call SELECT gen_random_uuid(), '2026-01-01', 'r', 'default', 'k', '', '{}', 'messages', "
            "'m', 'echo', 'm', '', '', 1, 'succeeded', 200, '', 1, false, 1, 1, 0, 0, 0, false, 1, NULL, 1, now()"
        )


def calls(database: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT call_id, day, status FROM audit_call").fetchall()


def partitions(database: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_call'::regclass ORDER BY 1"
        return connection.execute(query).fetchall()


def test_old_calls_are_deleted(checkout: Path) -> None:
    own = clean_environment(checkout, **SECRETS)
    manage(checkout, own, "init_db", "--sync")
    assert run("prune", checkout, own).strip() == "0"
