"""Puts a new encryption key first into the key file that development keeps in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gateway_project.settings import environment


class NoKeyFile(Exception):
    """The keys do not come from a key file. The message says from where."""


def add_newest(data_dir: Path) -> list[str]:
    """Makes a key and writes `newest,older` into the key file, whole or not at all; all keys, newest first."""
    if environment.items("ENCRYPTION_KEY"):
        raise NoKeyFile(
            "The keys come from LLM_GATEWAY_ENCRYPTION_KEY: put a new one first there, and keep the old one."
        )
    file = data_dir / environment.KEY_FILE
    keys = [environment.new_key(), *environment.encryption_keys(data_dir, environment.environment_name())]
    draft = file.with_suffix(f".{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(",".join(keys) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
    return keys
