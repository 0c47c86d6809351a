"""Where a configuration lies when it is no file. The one dynamic edge: nothing here is imported by name from a floor
above; Django's setting LLM_GATEWAY_CONFIG_SOURCE names the class."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from llm.core.errors import ConfigurationError

SETTING: Final = "LLM_GATEWAY_CONFIG_SOURCE"
DEFAULT: Final = "providers.config_source.DatabaseConfigSource"


class Report(Protocol):
    """`plan`: a line an object that changed, beginning with +, ~ or -. `kept`: what stands against the file, and was
    kept. `revision` is the one that was made; None where nothing changed."""

    @property
    def applied(self) -> bool: ...

    @property
    def plan(self) -> Sequence[str]: ...

    @property
    def kept(self) -> Sequence[str]: ...

    @property
    def revision(self) -> int | None: ...


class ConfigSource(Protocol):
    """All of it raises ConfigurationError for what is wrong with a configuration, and may be called inside a running
    loop, which it blocks."""

    def document(self) -> dict[str, Any]:
        """As the YAML file has it; of stored secrets their fingerprints."""
        ...

    def apply(self, text: str, *, dry_run: bool = False, prune: bool = False) -> Report:
        """Writes what the text states; what it does not name stays, but with `prune` goes."""
        ...

    def sync(self, path: Path, *, force: bool = False) -> Report:
        """Applies the file where it changed since it was last applied, and of it what changed; `force`: all of it."""
        ...


def of_process() -> ConfigSource | None:
    """That of the Django project that is set up in this process; None where there is none, or none of ours."""
    registry = getattr(sys.modules.get("django.apps"), "apps", None)
    if registry is None or not registry.ready:
        return None
    settings = import_module("django.conf").settings
    default = DEFAULT if registry.is_installed("providers") else ""
    name = getattr(settings, SETTING, default)
    return made(name) if name else None


def made(name: str) -> ConfigSource:
    """The source of this dotted path. ConfigurationError where there is no such class."""
    module, _, attribute = name.rpartition(".")
    try:
        found: ConfigSource = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{SETTING} names {name}, which cannot be imported.") from error
    return found
