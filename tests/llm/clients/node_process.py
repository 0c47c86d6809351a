"""Runs a script of tests/node: a client in Node as the judge of the gateway."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MISSING
from tests.llm.service.snapshots import KEY

FOLDER = Path(__file__).parents[2] / "node"


def needed() -> None:
    """Skips the test where Node or its clients are not there; `script/setup --dev` installs them."""
    if reason := _missing():
        pytest.skip(f"{MISSING}{reason}")


@cache
def _missing() -> str:
    found = shutil.which("node")
    if found is None:
        return "node"
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < 20:
        return "node 20 or newer"
    return "" if (FOLDER / "node_modules" / ".stamp").exists() else "the clients for Node (npm)"


async def run(client: str, scenario: str, models: Sequence[str], *, url: str) -> Any:
    """What the script printed: an object by model. No environment but the way to programs: no key, no proxy."""
    process = await asyncio.create_subprocess_exec(
        shutil.which("node") or "node",
        str(FOLDER / f"{client}.mjs"),
        *(url, KEY, scenario, *models),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"NODE_NO_WARNINGS": "1"},
    )
    try:
        async with asyncio.timeout(30):
            told, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return json.loads(told)
