"""The connection parameters that are known to all kinds, what their values may be, and what these come to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from llm.spec import Connection, Timeouts, TransportName
from llm.transport import address

ALIASES: Final = {"base_url": "api_base"}
LONGEST_SECONDS: Final = 86_400
TIMEOUTS: Final = ("timeout_seconds", "connect_timeout_seconds", "first_token_timeout_seconds", "idle_timeout_seconds")
REQUEST_SETTINGS: Final = frozenset({*TIMEOUTS, "max_connections", "transport", "extra_headers", "extra_body"})
"""Those that stand in a provider's request_settings too."""
_HEADERS: Final = {"organization": "OpenAI-Organization", "project": "OpenAI-Project"}
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def canonical(name: str) -> str:
    """The name under which a parameter is kept: `base_url` is `api_base`."""
    return ALIASES.get(name, name)


def checked(name: str, value: Any, *, allow_private: bool) -> Any:
    """The value with its type; of names that are not known as it is. `allow_private`: may it lead to loopback and
    private addresses? ValueError, whose message shows no value."""
    if name in _ADDRESSES:
        return _ADDRESSES[name](value, allow_private=allow_private)
    return _OTHERS[name](value) if name in _OTHERS else value


def headers(values: Mapping[str, Any], takes: Callable[[str], bool]) -> dict[str, str]:
    """What they add to every call's headers; `takes`: does the kind know this parameter?"""
    own = {header: values[name] for name, header in _HEADERS.items() if name in values and takes(name)}
    return {**own, **(values.get("extra_headers") or {})}


def timeouts(values: Mapping[str, Any]) -> Timeouts:
    default = Timeouts()
    return Timeouts(
        connect=float(values.get("connect_timeout_seconds", default.connect)),
        first_byte=float(values.get("first_token_timeout_seconds", default.first_byte)),
        idle=float(values.get("idle_timeout_seconds", default.idle)),
        total=float(values.get("timeout_seconds", default.total)),
    )


def connection(values: Mapping[str, Any], *, allow_private: bool) -> Connection:
    default = Connection()
    return Connection(
        verify=values.get("verify", default.verify),
        proxy=values.get("proxy") or None,
        allow_private=allow_private,
        max_connections=int(values.get("max_connections", default.max_connections)),
        transport=values.get("transport", default.transport),
    )


def _url(value: Any, *, allow_private: bool) -> str:
    if not isinstance(value, str):
        raise ValueError("It must be a URL: https://host/path.")
    text = value.strip()
    address.check_url(text, allow_private=allow_private)
    parts = urlsplit(text)
    if parts.query or parts.fragment or not text.isprintable() or " " in text or len(text) > 1_000:
        raise ValueError("It must be a URL without query, fragment or spaces.")
    return text


def _proxy(value: Any, *, allow_private: bool) -> str:
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
    address.check_url(f"{parts.scheme}://{host}", allow_private=allow_private)
    if not text.isascii() or not text.isprintable() or parts.query or parts.fragment or (credentials and not host):
        raise ValueError("It must be a URL: http://host:port.")
    return text


def _seconds(value: Any) -> float | int:
    number = numeric(value)
    if not 0 < number <= LONGEST_SECONDS:
        raise ValueError(f"It must be a number of seconds above 0, at most {LONGEST_SECONDS}.")
    return number


def _connections(value: Any) -> int:
    number = numeric(value)
    if not isinstance(number, int) or not 1 <= number <= 10_000:
        raise ValueError("It must be a whole number between 1 and 10000.")
    return number


def numeric(value: Any) -> float | int:
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
_ADDRESSES: Final[Mapping[str, Callable[..., str]]] = {"api_base": _url, "proxy": _proxy}
_OTHERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "organization": _header_value,
    "project": _header_value,
    "api_version": _header_value,
    **dict.fromkeys(TIMEOUTS, _seconds),
    "max_connections": _connections,
    "transport": _transport,
    "verify": _verify,
    "extra_headers": _headers,
    "extra_body": _body,
}
KNOWN: Final = frozenset({*_ADDRESSES, *_OTHERS})
