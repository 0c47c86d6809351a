"""The kinds as data, for those who need no adapter: the control plane, the snapshot.

An installed package adds kinds by entry points of the group `llm_gateway.adapters`: the name is the kind's, the value
is a `Kind` object. They are in `BY_NAME` once this module is imported.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from llm.spec import Dialect

GROUP: Final = "llm_gateway.adapters"

log = logging.getLogger(__name__)
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")  # the control plane keeps 40 characters
_OF_HTTP: Final = (
    "api_base",
    "timeout_seconds",
    "connect_timeout_seconds",
    "first_token_timeout_seconds",
    "idle_timeout_seconds",
    "max_connections",
    "transport",
    "proxy",
    "verify",
    "extra_headers",
    "extra_body",
)
_OF_OPENAI: Final = (*_OF_HTTP, "organization", "project")
_CARRIED_OTHERWISE: Final = frozenset(_OF_OPENAI)


@dataclass(frozen=True, slots=True)
class Kind:
    """`adapter` is the dotted class, imported on first use. `default_base_url` is empty where the operator must give
    one; `needs_key`: is a provider of this kind useless without a key? `parameters` are the connection parameters that
    mean something to it."""

    label: str
    adapter: str
    dialect: Dialect
    default_base_url: str = ""
    needs_key: bool = True
    parameters: tuple[str, ...] = _OF_HTTP

    @property
    def options(self) -> tuple[str, ...]:
        """The parameters that are this kind's own: its adapter finds them in `Target.options`."""
        return tuple(name for name in self.parameters if name not in _CARRIED_OTHERWISE)


# Servers of this kind are many, and some want more than we know: what is unknown is kept, with a warning.
OPEN: Final = frozenset({"openai_compatible"})
BY_NAME: Final[dict[str, Kind]] = {
    "openai": Kind(
        label="OpenAI",
        adapter="llm.adapters.openai.OpenAI",
        dialect="openai_chat",
        default_base_url="https://api.openai.com/v1",
        parameters=_OF_OPENAI,
    ),
    "anthropic": Kind(
        label="Anthropic",
        adapter="llm.adapters.anthropic.Anthropic",
        dialect="anthropic_messages",
        default_base_url="https://api.anthropic.com",
    ),
    "openai_compatible": Kind(
        label="OpenAI-compatible",
        adapter="llm.adapters.openai_compatible.OpenAICompatible",
        dialect="openai_chat",
        needs_key=False,
        parameters=_OF_OPENAI,
    ),
    "azure_openai": Kind(
        label="Azure OpenAI",
        adapter="llm.adapters.azure_openai.AzureOpenAI",
        dialect="openai_chat",
        parameters=(*_OF_HTTP, "api_version"),
    ),
    "gemini": Kind(
        label="Google Gemini",
        adapter="llm.adapters.gemini.Gemini",
        dialect="gemini",
        default_base_url="https://generativelanguage.googleapis.com",
    ),
    "echo": Kind(
        label="Echo (no network)",
        adapter="llm.adapters.echo.Echo",
        dialect="openai_chat",
        default_base_url="echo:",
        needs_key=False,
        parameters=(),
    ),
}


def normal_base_url(kind: str, url: str) -> str:
    """Without the trailing slash; anthropic's is the host, so a trailing /v1 goes too."""
    text = url.rstrip("/")
    return text.removesuffix("/v1") if kind == "anthropic" else text


def _add_installed() -> None:
    """A broken package costs its own kind only."""
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        said = {"kind": point.name, "entry_point": point.value}
        if not NAME.fullmatch(point.name):
            log.error("a package's kind is left out: its name is no lower-case word", extra=said)
        elif point.name in BY_NAME:
            log.error("a package's kind is left out: there is one of that name", extra=said)
        elif (kind := _loaded(point)) is None:
            log.error("a package's kind is left out: it cannot be loaded, or is no Kind", extra=said)
        else:
            BY_NAME[point.name] = kind


def _loaded(point: EntryPoint) -> Kind | None:
    try:
        found = point.load()
    except Exception:  # the door of foreign code: importing it may raise anything
        log.exception("a package's kind cannot be imported", extra={"kind": point.name})
        return None
    return found if isinstance(found, Kind) else None


_add_installed()
