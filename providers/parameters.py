"""Connection parameters: the known ones with their types, and how a sensitive value is kept.

Names that are not known are kept as they are, for kinds that packages add. A sensitive value is stored as the JSON
text of the value, so that an object or a number survives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from django.conf import settings

from llm.spec import TransportName
from llm.transport import address
from providers import names
from providers.fields import Undecryptable
from providers.models import ConnectionParameter
from providers.problems import refuse
from providers.secrets import is_mask, looks_secret

ALIASES: Final = {"base_url": "api_base"}
# Keys are bound to these, so everybody who may see the provider must be able to see them.
ALWAYS_PLAIN: Final = frozenset({"api_base", "verify"})
LONGEST_SECONDS: Final = 86_400
PROBE_INTERVAL: Final = "probe_interval_seconds"
SHORTEST_PROBE_INTERVAL: Final = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Unreadable(Exception):
    """The value of a sensitive parameter is missing, or its encryption key is lost."""


def canonical(name: str) -> str:
    """The name under which a parameter is kept: `base_url` is `api_base`."""
    return ALIASES.get(name, name)


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
    check = KNOWN.get(name)
    try:
        cleaned = check(value) if check else value
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
            (KNOWN.get(name) or OF_NO_CALL[name])(value[name])
        except ValueError as error:
            raise refuse("request_settings", f"{name}: {error}") from None
    for name in value.keys() & {*ALWAYS_PLAIN, *ALIASES, "proxy"}:
        raise refuse("request_settings", f"{name} is a connection parameter: give it there.")


def _url(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("It must be a URL: https://host/path.")
    text = value.strip()
    address.check_url(text, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    parts = urlsplit(text)
    if parts.query or parts.fragment or not text.isprintable() or " " in text or len(text) > 1_000:
        raise ValueError("It must be a URL without query, fragment or spaces.")
    return text


def _proxy(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("It must be a URL: http://host:port.")
    text = value.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("It must be a URL: http://host:port.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.path not in ("", "/"):
        raise ValueError("It must be a URL: http://host:port.")
    credentials, _, host = parts.netloc.rpartition("@")
    address.check_url(f"{parts.scheme}://{host}", allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    if not text.isascii() or not text.isprintable() or parts.query or parts.fragment or (credentials and not host):
        raise ValueError("It must be a URL: http://host:port.")
    return text


def _seconds(value: Any) -> float | int:
    number = _number(value)
    if not 0 < number <= LONGEST_SECONDS:
        raise ValueError(f"It must be a number of seconds above 0, at most {LONGEST_SECONDS}.")
    return number


def probe_interval(value: Any) -> int:
    """Seconds; 0: off. ValueError where it is neither."""
    number = _number(value)
    if not isinstance(number, int) or not (number == 0 or SHORTEST_PROBE_INTERVAL <= number <= LONGEST_SECONDS):
        least, most = SHORTEST_PROBE_INTERVAL, LONGEST_SECONDS
        raise ValueError(f"It must be a whole number of seconds between {least} and {most}, or 0: no probes.")
    return number


def _connections(value: Any) -> int:
    number = _number(value)
    if not isinstance(number, int) or not 1 <= number <= 10_000:
        raise ValueError("It must be a whole number between 1 and 10000.")
    return number


def _number(value: Any) -> float | int:
    """A number, or the text of one: forms know texts only."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("It must be a number.")
    return value


def _verify(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value.strip() or len(value) > 500 or not value.isprintable():
        raise ValueError("It must be true, false, or the path of a file with certificates.")
    text = value.strip()
    return {"true": True, "false": False}.get(text.lower(), text)


def _transport(value: Any) -> str:
    if value not in get_args(TransportName):
        raise ValueError(f"It must be one of {', '.join(get_args(TransportName))}.")
    return str(value)


def _header_value(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isascii() or not value.isprintable():
        raise ValueError("It must be a text of visible ASCII characters.")
    return value.strip()


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError('It must be an object of texts: {"x-team": "search"}.')
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("A header's name has letters, digits and '-'.")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"The gateway itself sets {name.lower()}.")
        _header_value(text)
    return dict(value)


def _body(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError('It must be an object: {"top_k": 40}.')
    if taken := {"model", "stream", "messages"} & value.keys():
        raise ValueError(f"A call itself says {', '.join(sorted(taken))}.")
    return dict(value)


_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "upgrade", "te"}
)
TIMEOUTS: Final = ("timeout_seconds", "connect_timeout_seconds", "first_token_timeout_seconds", "idle_timeout_seconds")
KNOWN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "api_base": _url,
    "organization": _header_value,
    "project": _header_value,
    "api_version": _header_value,
    **dict.fromkeys(TIMEOUTS, _seconds),
    "max_connections": _connections,
    "transport": _transport,
    "proxy": _proxy,
    "verify": _verify,
    "extra_headers": _headers,
    "extra_body": _body,
}
# What request_settings may say beside them: of the provider, and of no call to it.
OF_NO_CALL: Final[Mapping[str, Callable[[Any], Any]]] = {PROBE_INTERVAL: probe_interval}
REQUEST_SETTINGS: Final = frozenset({*TIMEOUTS, "max_connections", "transport", "extra_headers", "extra_body"})
