"""Plain values -> the YAML file: byte-stable, and replaced as a whole."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml

_NEW_MODE: Final = 0o640  # a file may hold secrets in clear, if it was written so by hand: not for everybody
_NEVER_FOLDED: Final = 2**20  # characters: a text stays on its line, so that a diff of two files shows whole values


class NotWritable(Exception):
    """The file cannot be written. The message says why, without naming a path."""


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # reason: C where there is a C
    """No anchors: an object that stands twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(value: Mapping[str, Any]) -> str:
    """Sorted names: equal values give equal bytes."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=_NEVER_FOLDED))


def text_of(path: Path) -> str:
    """What stands in the file; "" where there is none. NotWritable where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise NotWritable("The configuration file cannot be read.") from error


def comments(text: str) -> str:
    """The comments at the beginning of a file."""
    head = []
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            break
        head.append(line)
    return "".join(head)


def replace(path: Path, text: str) -> None:
    """Whoever reads meanwhile sees the old file or the new one. NotWritable where it cannot be done."""
    target = path.resolve()  # a link stays a link
    temporary = None
    try:
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(target)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _NEW_MODE
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
