"""Writes what the database says of one provider into the configuration file."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from providers.config_file import exporting, kinds, reading, schema, states

_one_at_a_time = threading.Lock()  # else of two that read the same file the second would take back what the first wrote


class NotWritable(Exception):
    """The file cannot be written. The message says why, without naming a path."""


def of_provider(provider_id: str) -> dict[str, Any]:
    """A document with this provider only."""
    name = f"{kinds.PROVIDER_KIND}:{provider_id}"
    found = {other: state for other, state in states.read().items() if name in (other, kinds.provider_of(other))}
    return {"version": exporting.VERSION, "providers": exporting.document(found)["providers"]}


def write_provider(path: Path, provider_id: str) -> None:
    """Replaces the provider in the file, or adds it; makes the file if there is none. All else that the file says
    stays; of comments only those at its beginning. Whoever reads meanwhile sees the old file or the new one.

    Raises NotWritable, and ConfigurationError where the file that is there cannot be read as a configuration.
    """
    with _one_at_a_time:
        text = _text(path)
        document = reading.read(text)
        if document.value:
            schema.check(document)
        said = {**(document.value or {}), "version": exporting.VERSION}
        said["providers"] = {**(said.get("providers") or {}), **of_provider(provider_id)["providers"]}
        _replace(path, _comments(text) + exporting.to_yaml(said))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise NotWritable("The configuration file cannot be read.") from error


def _comments(text: str) -> str:
    head = []
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            break
        head.append(line)
    return "".join(head)


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    temporary = None
    try:
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(target)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise NotWritable("The configuration file is not writable.") from error
