"""The size law: files of at most 400 lines, functions of at most 40. The list of exceptions only shrinks."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LIMIT = 400
FUNCTION_LIMIT = 40
SCRIPT_LIMIT = 40
FORBIDDEN_NAMES = {"utils", "helpers", "common"}
EXCEPTIONS: dict[str, str] = {}  # "path" or "path:function" -> the reason


def python_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if "/migrations/" not in name and (ROOT / name).exists()]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def too_long(file: Path) -> Iterator[str]:
    text = file.read_text()
    for node in functions(ast.parse(text)):
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LIMIT:
            yield f"{name_of(file)}:{node.name}"
    if len(text.splitlines()) > FILE_LIMIT:
        yield name_of(file)


def test_files_and_their_functions_are_small() -> None:
    assert [name for file in python_files() for name in too_long(file) if name not in EXCEPTIONS] == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [name_of(file) for file in python_files() if file.stem in FORBIDDEN_NAMES] == []


def test_exceptions_are_still_needed() -> None:
    assert set(EXCEPTIONS) <= {name_of(file) for file in python_files()}


@pytest.mark.parametrize("script", sorted((ROOT / "script").iterdir()), ids=name_of)
def test_scripts_are_short(script: Path) -> None:
    assert len(script.read_text().splitlines()) <= SCRIPT_LIMIT
