"""docs/clients.md names the versions that are pinned here."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.llm.clients.node_process import FOLDER

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `([^`]+)` \((Python|Node)\) \| ([\d.]+) \|", re.M)


def test_the_page_tells_the_versions_that_are_pinned() -> None:
    lines = [
        line for name in ("requirements.txt", "requirements-dev.txt") for line in (ROOT / name).read_text().split()
    ]
    python = dict(re.sub(r"\[.*\]", "", line).split("==") for line in lines if "==" in line[1:] and line[0].isalpha())
    node = json.loads((FOLDER / "package.json").read_text())["devDependencies"]
    told = ROW.findall((ROOT / "docs" / "clients.md").read_text())
    assert len(told) == 9
    assert {(name, kind): version for name, kind, version in told} == {
        (name, kind): (python if kind == "Python" else node)[name] for name, kind, _ in told
    }
    # What `ai` asks for beside it, and the judge of the pages.
    assert set(node) - {name for name, kind, _ in told if kind == "Node"} == {"zod", "axe-core"}
