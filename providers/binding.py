"""Where a stored secret may be sent: the origin, proxy and verification for which it was entered.

Else whoever may change api_base could point it at a host of their own, press Test, and read the key. The text of a
binding is shown and kept in the history, so it holds no secret: of a proxy its origin only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from providers import kinds
from providers.models import ConnectionParameter, Environment
from providers.parameters import Unreadable, effective, read

LONGEST = 150  # three of them and two spaces fit the column
_DEFAULT_PORTS = {"http": 80, "https": 443}


def binding(*, kind: str, rows: Iterable[ConnectionParameter], environment: str) -> str:
    """Where secrets go in `environment` as the parameters stand now: "https://host:443|proxy=-|verify=true"."""
    parameters = effective(rows, environment)
    api_base = _value(parameters, "api_base", kinds.default_base_url(kind))
    verify = _value(parameters, "verify", True)
    proxy = _value(parameters, "proxy", "")
    shown = str(verify).lower() if isinstance(verify, bool) else quote(str(verify))
    text = f"{origin(str(api_base))}|proxy={origin(str(proxy))}|verify={shown}"
    return text if len(text) <= LONGEST else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def bindings(*, kind: str, rows: Iterable[ConnectionParameter], environment: str) -> str:
    """What a secret of `environment` (blank: every one) is bound to when it is entered now."""
    stored = list(rows)
    used_in = [environment] if environment else [name for name in Environment.values if name]
    found = dict.fromkeys(binding(kind=kind, rows=stored, environment=name) for name in used_in)
    return " ".join(found)


def is_bound(bound_to: str, present: str) -> bool:
    """May a secret that was bound to `bound_to` be sent where `present` leads?"""
    return present in bound_to.split()


def origin(url: str) -> str:
    """scheme://host:port in lower case; "-" for none."""
    parts = urlsplit(url)
    if not parts.hostname:
        return "-"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{quote(host, safe='[]:')}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


def _value(parameters: Mapping[str, ConnectionParameter], name: str, default: Any) -> Any:
    if name not in parameters:
        return default
    try:
        return read(parameters[name])
    except Unreadable:
        return "unknown://unreadable"  # equals nothing that a key was ever bound to
