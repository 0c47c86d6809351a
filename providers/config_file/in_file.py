"""Writes what the database says of one provider into the configuration file."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from llm.core import reading, writing
from providers.config_file import exporting, kinds, schema, states

_one_at_a_time = threading.Lock()  # else of two that read the same file the second would take back what the first wrote


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
        text = writing.text_of(path)
        document = reading.read(text)
        if document.value:
            schema.check(document)
        said = {**(document.value or {}), "version": exporting.VERSION}
        said["providers"] = {**(said.get("providers") or {}), **of_provider(provider_id)["providers"]}
        writing.replace(path, writing.comments(text) + writing.to_yaml(said))
