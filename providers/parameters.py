"""Connection parameters: what is stored of them, and how a sensitive value is kept.

Names that are not known are kept as they are, for kinds that packages add. A sensitive value is stored as the JSON
text of the value, so that an object or a number survives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from llm.adapters.parameters import (
    ALIASES,
    LONGEST_SECONDS,
    REQUEST_SETTINGS,
    TIMEOUTS,
    canonical,
    checked,
    numeric,
)
from providers import names
from providers.fields import Undecryptable
from providers.models import ConnectionParameter
from providers.problems import refuse
from providers.secrets import is_mask, looks_secret

__all__ = [
    "ALIASES",
    "ALWAYS_PLAIN",
    "LONGEST_SECONDS",
    "OF_NO_CALL",
    "PROBE_INTERVAL",
    "REQUEST_SETTINGS",
    "TIMEOUTS",
    "Unreadable",
    "canonical",
    "check_request_settings",
    "clean_name",
    "clean_value",
    "effective",
    "encode",
    "probe_interval",
    "read",
]

# Keys are bound to these, so everybody who may see the provider must be able to see them.
ALWAYS_PLAIN: Final = frozenset({"api_base", "verify"})
PROBE_INTERVAL: Final = "probe_interval_seconds"
SHORTEST_PROBE_INTERVAL: Final = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Unreadable(Exception):
    """The value of a sensitive parameter is missing, or its encryption key is lost."""


def clean_name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refuse("param_name", "Use 1 to 100 of the characters A-Z, a-z, 0-9, '.', '_' and '-'.")
    return canonical(name)


def clean_value(name: str, value: Any, *, is_sensitive: bool) -> Any:
    """The value of parameter `name` with its type. The ValidationError never shows a sensitive one."""
    if value is None:
        raise refuse("param_value", "It must not be null.")
    if is_sensitive and name in ALWAYS_PLAIN:
        raise refuse("is_sensitive", f"{name} is no secret: stored keys are bound to it, so it must be visible.")
    if is_sensitive and isinstance(value, str) and is_mask(value):
        raise refuse("param_value", "It is empty or a mask. Leave the field out to keep the stored value.")
    if not is_sensitive and looks_secret(name):
        raise refuse("param_value", f'"{name}" looks like a secret: make it a sensitive parameter.')
    names.check_json("param_value", value, plain=not is_sensitive)
    try:
        cleaned = checked(name, value, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    except ValueError as error:
        raise refuse("param_value", str(error)) from None
    if name == "proxy" and not is_sensitive and "@" in urlsplit(cleaned).netloc:
        raise refuse("param_value", "The proxy has a password in it: make it a sensitive parameter.")
    return cleaned


def encode(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def read(row: ConnectionParameter) -> Any:
    """The value of a plain or sensitive parameter. Raises Unreadable."""
    if not row.is_sensitive:
        return row.value
    if row.secret_value is None or isinstance(row.secret_value, Undecryptable):
        raise Unreadable(row.param_name)
    return json.loads(row.secret_value)


def effective(rows: Iterable[ConnectionParameter], environment: str) -> dict[str, ConnectionParameter]:
    """The parameters that hold in `environment`, by name: an exact match beats blank."""
    found: dict[str, ConnectionParameter] = {}
    for row in rows:
        if row.environment == environment or (not row.environment and row.param_name not in found):
            found[row.param_name] = row
    return found


def check_request_settings(value: Any) -> None:
    """An object; the settings that are known have the types of the parameters of the same name."""
    names.check_object("request_settings", value)
    for name in value.keys() & {*REQUEST_SETTINGS, *OF_NO_CALL}:
        try:
            if name in OF_NO_CALL:
                OF_NO_CALL[name](value[name])
            else:
                checked(name, value[name], allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
        except ValueError as error:
            raise refuse("request_settings", f"{name}: {error}") from None
    for name in value.keys() & {*ALWAYS_PLAIN, *ALIASES, "proxy"}:
        raise refuse("request_settings", f"{name} is a connection parameter: give it there.")


def probe_interval(value: Any) -> int:
    """Seconds; 0: off. ValueError where it is neither."""
    number = numeric(value)
    if not isinstance(number, int) or not (number == 0 or SHORTEST_PROBE_INTERVAL <= number <= LONGEST_SECONDS):
        least, most = SHORTEST_PROBE_INTERVAL, LONGEST_SECONDS
        raise ValueError(f"It must be a whole number of seconds between {least} and {most}, or 0: no probes.")
    return number


# What request_settings may say beside the known ones: of the provider, and of no call to it.
OF_NO_CALL: Final[Mapping[str, Callable[[Any], Any]]] = {PROBE_INTERVAL: probe_interval}
