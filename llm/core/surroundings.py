"""What of the process's environment a configuration file depends on: the same variables as the server's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from llm.core.errors import ConfigurationError
from llm.references import Allowed

FILE: Final = "config/gateway_config.yaml"
ROOT: Final = Path(__file__).resolve().parents[2]
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`environment` chooses keys and parameters, `allow_private` lets providers be dialled at loopback and private
    addresses, `references` is what of the environment and of files may be read as a key."""

    environment: str = "development"
    allow_private: bool = True
    references: Allowed = field(default_factory=Allowed)


def read(variables: Mapping[str, str] = os.environ) -> Surroundings:
    """From LLM_GATEWAY_ENV, _ALLOW_PRIVATE_UPSTREAMS, _KEY_ENV and _SECRETS_DIR."""
    environment = _text(variables, "ENV") or "development"
    private = _text(variables, "ALLOW_PRIVATE_UPSTREAMS").lower()
    if private and private not in _BOOLEANS:
        raise ConfigurationError("LLM_GATEWAY_ALLOW_PRIVATE_UPSTREAMS must be true or false.")
    patterns = tuple(one.strip() for one in _text(variables, "KEY_ENV").split(",") if one.strip())
    return Surroundings(
        environment=environment,
        allow_private=_BOOLEANS[private] if private else environment == "development",
        references=Allowed(patterns or Allowed().env, _text(variables, "SECRETS_DIR")),
    )


def path(variables: Mapping[str, str] = os.environ) -> Path:
    """LLM_GATEWAY_CONFIG_PATH; a relative one is relative to the product's folder, as for the server."""
    return (ROOT / (_text(variables, "CONFIG_PATH") or FILE)).resolve()


def _text(variables: Mapping[str, str], name: str) -> str:
    return variables.get(f"LLM_GATEWAY_{name}", "").strip()
