"""The old system kept a provider's connection in three places (connection_params, request_settings, a table of
parameters); here each parameter is a row, plain or sensitive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from providers import parameters, secrets

# Names of the old system for what has a name of its own here.
_OLD_NAMES = {
    "timeout": "timeout_seconds",
    "request_timeout": "timeout_seconds",
    "connect_timeout": "connect_timeout_seconds",
    "url": "api_base",
    "endpoint": "api_base",
    "organization_id": "organization",
    "org_id": "organization",
    "headers": "extra_headers",
    "default_headers": "extra_headers",
    "verify_ssl": "verify",
    "ssl_verify": "verify",
}
_KEY_NAMES = frozenset({"apikey", "api_key", "api-key", "key_value"})
_OBJECTS = frozenset({"extra_headers", "extra_body"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as it is wanted here. `origin` says where it stood, for notes."""

    name: str
    value: Any
    is_sensitive: bool
    environment: str
    origin: str

    def fields(self) -> dict[str, Any]:
        return {
            "param_name": self.name,
            "param_value": self.value,
            "is_sensitive": self.is_sensitive,
            "environment": self.environment,
        }


def name_here(old: str) -> str:
    return parameters.canonical(_OLD_NAMES.get(old.lower(), old))


def is_key(old: str) -> bool:
    """Is it a provider's key, kept among the parameters?"""
    return old.lower() in _KEY_NAMES


def is_encrypted(value: Any) -> bool:
    """Is it ciphertext of the old system's key (Fernet)? Without that key it is of no use."""
    return isinstance(value, str) and value.startswith("gAAAAA") and len(value) >= 100


def parameter(old: str, value: Any, *, marked: bool, environment: str = "", origin: str) -> Parameter:
    """`marked`: did the old system call it sensitive? What looks like a secret is sensitive in any case, and what keys
    are bound to never is."""
    name = name_here(old)
    typed = _typed(name, value)
    sensitive = name not in parameters.ALWAYS_PLAIN and (marked or _is_secret(name, typed))
    return Parameter(name, typed, sensitive, environment, origin)


def belongs_to_connection(old: str) -> bool:
    """Is an entry of request_settings refused there, and so a parameter here?"""
    name = name_here(old)
    return name in {*parameters.ALWAYS_PLAIN, "proxy"} or secrets.looks_secret(name)


def _typed(name: str, value: Any) -> Any:
    """Tables of texts hold objects as JSON; a text that is no JSON stays one, and the service says what is wrong."""
    if name in _OBJECTS and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _is_secret(name: str, value: Any) -> bool:
    if name == "proxy" and isinstance(value, str):
        return "@" in _netloc(value)
    return secrets.looks_secret(name) or _holds_secret(value)


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return url


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(secrets.looks_secret(str(name)) or _holds_secret(item) for name, item in value.items())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)
