"""An ignored rule says why; a broad except stands at a door or the top of a loop, and says so."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.test_size_law import name_of, python_files

IGNORE = re.compile(r"#\s*(noqa|type:\s*ignore)")
UNNAMED = re.compile(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[))")


def test_every_ignored_rule_is_named_and_has_a_reason() -> None:
    bad = [
        f"{name_of(file)}:{number}"
        for file in python_files()
        if file.name != Path(__file__).name
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if IGNORE.search(line) and (UNNAMED.search(line) or "reason" not in line)
    ]
    assert bad == []
