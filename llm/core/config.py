"""GatewayConfig: what an in-process client works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from llm.adapters.kinds import Kind
from llm.core import file_snapshot, shapes
from llm.core.errors import ConfigurationError
from llm.core.file_snapshot import Built
from llm.core.reading import Document
from llm.core.shapes import Stated
from llm.core.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The configuration at one moment.

    `document` is what the YAML file says (or would say: stored secrets are fingerprints). `origin` tells where calls
    go: with `database` through the Gateway of this process, which follows changes and records calls; with `file`
    through one of the client's own, made from `document` as it is.
    """

    origin: Literal["file", "database"]
    document: Mapping[str, Any] = field(repr=False)
    surroundings: Surroundings = field(default_factory=Surroundings, repr=False)
    path: Path | None = None
    stated: Stated | None = field(default=None, repr=False, compare=False)

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(self.document.get("providers") or ())

    @property
    def models(self) -> tuple[str, ...]:
        """As `provider/model`."""
        bodies = self.document.get("providers") or {}
        return tuple(f"{name}/{model}" for name, body in bodies.items() for model in (body or {}).get("models") or ())

    @property
    def routes(self) -> tuple[str, ...]:
        return tuple(self.document.get("routes") or ())

    def built(self, kinds: Mapping[str, Kind]) -> Built:
        """For calls without a database. ConfigurationError where a value cannot be."""
        if self.stated is None:
            raise ConfigurationError("The configuration of a database is not used without it.")
        return file_snapshot.build(self.stated, self.surroundings, kinds)


def of_document(document: Document, surroundings: Surroundings, path: Path | None = None) -> GatewayConfig:
    """ConfigurationError, with line and path, where it is no configuration."""
    stated = shapes.read(document)
    return GatewayConfig("file", document.value, surroundings, path, stated)
