"""What stands for a secret: `env:NAME` or `file:NAME`, read where this installation allows it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

LARGEST_FILE: Final = 65_536
_MASKS: Final = frozenset("*•●·.…xX ")


class ReferenceMissing(Exception):
    """A reference names nothing that can be read here. The message names the reference, never a value."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """`env` are patterns of the variables that may be read (*_API_KEY), `folder` is where files are; "": no files."""

    env: tuple[str, ...] = ("*_API_KEY",)
    folder: str = ""


def is_mask(text: str) -> bool:
    """Is it empty or made of mask characters only: a form's blank or an answer's stars, sent back?"""
    return not text.strip() or set(text) <= _MASKS


def resolve(reference: str, allowed: Allowed) -> str:
    """The secret that a reference names, now. Raises ReferenceMissing."""
    kind, _, name = reference.partition(":")
    secret = _read_env(name, allowed) if kind == "env" else _read_file(name, allowed)
    if is_mask(secret) or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ReferenceMissing(f"{reference} holds no usable key")
    return secret


def env_allowed(name: str, allowed: Allowed) -> bool:
    if name.upper().startswith("LLM_GATEWAY_") or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return False
    return any(fnmatchcase(name, pattern) for pattern in allowed.env)


def file(name: str, allowed: Allowed) -> Path | None:
    """The file, links resolved, or None where it would lie outside of the folder."""
    if not name.isprintable():
        return None
    folder = Path(allowed.folder).resolve()
    found = (folder / name).resolve()
    return found if found != folder and found.is_relative_to(folder) else None


def _read_env(name: str, allowed: Allowed) -> str:
    if not env_allowed(name, allowed):
        raise ReferenceMissing(f"env:{name} is not allowed by LLM_GATEWAY_KEY_ENV")
    return os.environ.get(name, "").strip()


def _read_file(name: str, allowed: Allowed) -> str:
    found = file(name, allowed) if allowed.folder else None
    try:
        if found is None or not found.is_file() or found.stat().st_size > LARGEST_FILE:
            raise ReferenceMissing(f"file:{name} is no file of LLM_GATEWAY_SECRETS_DIR")
        return found.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ReferenceMissing(f"file:{name} cannot be read") from error
