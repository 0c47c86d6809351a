"""Python with some distributions of this environment and nothing else of it: what is missing there, is missing."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

# -I and -S: neither the current folder nor this environment's packages are to be found.
_START = "import sys; sys.path[:0] = sys.argv.pop(1).split(); exec(compile(sys.stdin.read(), 'program', 'exec'))"


def link(distributions: Iterable[importlib.metadata.Distribution], folder: Path) -> Path:
    """Links in `folder` to all that belongs to them; the folder."""
    for distribution in distributions:
        tops = {file.parts[0] for file in distribution.files or ()}
        for top in tops - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(distribution.locate_file(top)))
    return folder


def run(path: Sequence[Path], program: str, *, environment: Mapping[str, str] | None = None) -> str:
    """What the program prints, with these folders to import from. AssertionError where it fails."""
    command = [sys.executable, "-I", "-S", "-c", _START, " ".join(map(str, path))]
    ran = subprocess.run(
        command, input=program, capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
