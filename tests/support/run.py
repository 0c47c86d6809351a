"""What `script/test` runs without arguments: the whole suite on SQLite, then the database's part on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.databases import FOLDERS

# By file: what a file shares is started once. (`loadgroup` groups nothing with pytest 9.2 and xdist 3.8.)
PYTEST = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
# `script/lint` runs these, and has just done so where it is `.ci/run`.
WITHOUT = ["--ignore", "tests/house"]


@contextmanager
def postgres() -> Iterator[str | None]:
    """The URL of a PostgreSQL for this run; None where none can be had."""
    given = os.environ.get("LLM_GATEWAY_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip() or None
    finally:
        server.communicate(timeout=60)


def main() -> int:
    environment = {name: value for name, value in os.environ.items() if name != "LLM_GATEWAY_TEST_DATABASE_URL"}
    status = subprocess.run([*PYTEST, *WITHOUT], env=environment, check=False).returncode
    with postgres() as url:
        if url is None:
            print("Not run: the database's tests on PostgreSQL (no PostgreSQL could be had).")
            return status
        print("The database's tests once more, on PostgreSQL:", flush=True)
        environment["LLM_GATEWAY_TEST_DATABASE_URL"] = url
        second = subprocess.run([*PYTEST, "-m", "database", *FOLDERS], env=environment, check=False).returncode
    return status or second


if __name__ == "__main__":
    sys.exit(main())
