"""What the files of deploy/ say, read for the tests of this folder."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.gateway import ROOT

DEPLOY = ROOT / "deploy"
Step = tuple[str, str]


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return read


def kubernetes() -> list[dict[str, Any]]:
    """Every object of the manifests, the example of a Secret too."""
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod specification of everything that makes pods."""
    for document in kubernetes():
        template = document.get("spec", {}).get("template")
        if template:
            yield document["metadata"]["name"], template["spec"]


def dockerfile() -> list[Step]:
    """(instruction, the rest) in order; continued lines joined, comments left out."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    steps = [line.split(None, 1) for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines() if line]
    return [(instruction, rest) for instruction, rest in steps]


def copied() -> list[tuple[str, str]]:
    """(source, destination) of what the last stage takes from the repository."""
    steps = dockerfile()
    last = max(number for number, (instruction, _) in enumerate(steps) if instruction == "FROM")
    copies = [shlex.split(rest) for instruction, rest in steps[last:] if instruction == "COPY"]
    return [(words[0], words[1]) for words in copies if not words[0].startswith("--from")]


def unpack_image(folder: Path) -> Path:
    """The image's /app, made as the Dockerfile makes it."""
    skip = shutil.ignore_patterns("__pycache__")
    for source, destination in copied():
        target = folder / destination
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=skip)
        else:
            shutil.copy(ROOT / source, target)
    return folder


def environment_file(text: str) -> dict[str, str]:
    """The names and values of a file as `deploy/new-env` prints it."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
