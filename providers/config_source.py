"""The database as a `llm.core.config_source.ConfigSource`: what the setting LLM_GATEWAY_CONFIG_SOURCE names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.db import connections

from providers import config_file
from providers.config_file import Report, exporting, states

T = TypeVar("T")


class DatabaseConfigSource:
    """Inside a running loop, where Django refuses to touch the database, a thread does it."""

    def document(self) -> dict[str, Any]:
        return _off_the_loop(lambda: exporting.document(states.read()))

    def apply(self, text: str, *, dry_run: bool = False, prune: bool = False) -> Report:
        return _off_the_loop(partial(config_file.import_text, text, dry_run=dry_run, prune=prune))

    def sync(self, path: Path, *, force: bool = False) -> Report:
        return _off_the_loop(partial(config_file.sync, path, force=force))


def _off_the_loop(work: Callable[[], T]) -> T:
    if not _in_a_loop():
        return work()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_closing, work).result()


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _closing(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connections.close_all()  # this thread's
