"""ConfigLoader: the configuration from the YAML file or the database, and from each into the other."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from llm.core import config, config_source, reading, shapes, surroundings, writing
from llm.core.config import GatewayConfig
from llm.core.config_source import ConfigSource, Report
from llm.core.errors import ConfigurationError
from llm.core.reading import Document


class ConfigLoader:
    """`ConfigLoader()` reads the database in a process in which the gateway's Django project is set up, and elsewhere
    the file of LLM_GATEWAY_CONFIG_PATH (config/gateway_config.yaml); `ConfigLoader(path)` reads this file.

    `source`: "file", "database", or a ConfigSource of one's own. Raises ConfigurationError for what cannot be read or
    is wrong; its message names lines and fields, and no secret.
    """

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        source: Literal["file", "database"] | ConfigSource | None = None,
    ) -> None:
        self.path = surroundings.path() if path is None else Path(path).resolve()
        self._source: ConfigSource | None
        if source == "file" or (source is None and path is not None):
            self._source = None
        elif source is None or isinstance(source, str):
            self._source = config_source.of_process()
            if source is not None and self._source is None:
                raise ConfigurationError("There is no database in this process: the Django project is not set up.")
        else:
            self._source = source

    def load_config(self) -> dict[str, Any]:
        """`{"version": 1, "providers": {...}, "routes": {...}, ...}`, as the YAML file has it."""
        if self._source is not None:
            return self._source.document()
        value: dict[str, Any] = self._file().value
        return value

    def load_config_as_object(self) -> GatewayConfig:
        """What LLMGatewayClient takes."""
        if self._source is not None:
            return GatewayConfig("database", self._source.document())
        return config.of_document(self._file(), surroundings.read(), self.path)

    def save_config(
        self, config: GatewayConfig | Mapping[str, Any], path: str | PathLike[str] | None = None
    ) -> list[str]:
        """Into the file at `path`, or where the configuration came from: this loader's file, or the database, of which
        what `config` does not name stays. The lines of what changed in a database.

        ConfigurationError where it is none, or the file cannot be written; nothing is changed then.
        """
        text = writing.to_yaml(dict(config.document if isinstance(config, GatewayConfig) else config))
        if path is None and self._source is not None:
            return list(self._source.apply(text).plan)
        shapes.read(reading.read(text))
        self._write(self.path if path is None else Path(path).resolve(), text)
        return []

    def sync_to_database(self, *, force: bool = False) -> Report:
        """From the file into the database: what changed in the file since it was last applied. What was changed in the
        database since is kept, and told; with `force` the file wins."""
        return self._database().sync(self.path, force=force)

    def sync_to_file(self) -> Path:
        """From the database into the file, whole. Secrets stay in the database: the file has their fingerprints."""
        self._write(self.path, writing.to_yaml(self._database().document()))
        return self.path

    def _database(self) -> ConfigSource:
        source = self._source or config_source.of_process()
        if source is None:
            raise ConfigurationError("There is no database in this process: the Django project is not set up.")
        return source

    def _file(self) -> Document:
        try:
            return reading.read(self.path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"The configuration file {self.path} cannot be read.") from error

    def _write(self, path: Path, text: str) -> None:
        """Comments at the beginning of a file stay."""
        try:
            writing.replace(path, writing.comments(writing.text_of(path)) + text)
        except writing.NotWritable as error:
            raise ConfigurationError(str(error)) from error
