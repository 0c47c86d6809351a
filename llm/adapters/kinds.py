"""The kinds as data, for those who need no adapter: the control plane, the snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llm.spec import Dialect

_OF_HTTP: Final = (
    "api_base",
    "timeout_seconds",
    "connect_timeout_seconds",
    "first_token_timeout_seconds",
    "idle_timeout_seconds",
    "max_connections",
    "proxy",
    "verify",
    "extra_headers",
    "extra_body",
)
_OF_OPENAI: Final = (*_OF_HTTP, "organization", "project")


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
    "echo": Kind(
        label="Echo (no network)",
        adapter="llm.adapters.echo.Echo",
        dialect="openai_chat",
        default_base_url="echo:",
        needs_key=False,
        parameters=(),
    ),
}
