"""The pages of docs/, read for the tests that compare them with the product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.gateway import ROOT

DOCS = ROOT / "docs"
OPERATIONS = (DOCS / "operations.md").read_text()


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


def section(title: str, text: str = OPERATIONS) -> str:
    """What stands under a heading of the second level."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """What stands in backticks in the first column of a table, its heading left out."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def block(language: str, *, run: str = "") -> str:
    """The code of operations.md's block that is marked `<!-- run: ... -->`, or of its only block of that language."""
    mark = f"<!-- run: {run} -->\n" if run else ""
    found = re.findall(rf"{mark}```{language}\n(.*?)```", OPERATIONS, re.DOTALL)
    assert len(found) == 1, (language, run, len(found))
    return str(found[0])


def marks() -> list[str]:
    """What the page says is run by the suite."""
    return re.findall(r"<!-- run: ([a-z-]+) -->", OPERATIONS)


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Name and options of each `manage.py` command that a text names."""
    for name, rest in re.findall(r"manage\.py ([a-z_]+)([^`\n|]*)", text):
        yield name, re.findall(r"(--[a-z-]+)", rest.partition(" && ")[0])
