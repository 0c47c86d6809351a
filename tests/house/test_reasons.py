"""An ignored rule says why; a broad except stands at a door or the top of a loop, and says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.test_size_law import name_of, python_files

IGNORE = re.compile(r"#\s*(noqa|type:\s*ignore)")
UNNAMED = re.compile(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[))")


@pytest.mark.parametrize("file", python_files(), ids=name_of)
def test_every_ignored_rule_is_named_and_has_a_reason(file: Path) -> None:
    if file.name == Path(__file__).name:
        return
    bad = [
        f"{name_of(file)}:{number}"
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if IGNORE.search(line) and (UNNAMED.search(line) or "reason" not in line)
    ]
    assert bad == []
