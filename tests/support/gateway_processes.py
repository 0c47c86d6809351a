"""What runs for a gateway: its children by their names, and every Redis on its data folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import psutil

_MODULE = re.compile(r"gateway_project\.supervisor\.(\w+)")


def children(supervisor: int) -> dict[str, list[int]]:
    """Process numbers by kind: data, control, worker, redis. What is between its start and its program is left out."""
    found: dict[str, list[int]] = {"data": [], "control": [], "worker": [], "redis": []}
    for child in psutil.Process(supervisor).children():
        kind = _kind(child)
        if kind:
            found[kind].append(child.pid)
    return found


def descendants(supervisor: int) -> list[int]:
    return [child.pid for child in psutil.Process(supervisor).children(recursive=True)]


def redis_servers(data_dir: Path) -> list[int]:
    """Every server whose work is done in this data folder, whoever started it."""
    folder = os.path.realpath(data_dir / "redis")
    return [process.pid for process in psutil.process_iter() if _works_in(process, folder)]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(pids: Iterable[int]) -> bool:
    return all(map(gone, pids))


def _kind(process: psutil.Process) -> str:
    try:
        command = " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
    module = _MODULE.search(command)
    if module:
        return module.group(1)
    return "redis" if "redis" in command.partition(" ")[0] or "valkey" in command.partition(" ")[0] else ""


def _works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return process.cwd() == folder
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
