"""Where a request goes, read from its URL once and kept."""

from __future__ import annotations

import functools
from base64 import b64encode
from dataclasses import dataclass, field

from yarl import URL

from llm.transport import failures
from llm.transport.url import judged


@dataclass(frozen=True, slots=True)
class Destination:
    """`host` is in its IDNA form, without brackets; `target` is what a request line names; `authority` is host and
    port as a `host` header names them."""

    tls: bool
    host: str
    port: int
    target: str
    authority: str

    @property
    def absolute(self) -> str:
        """The request line's name for it where a proxy is asked."""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.target}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """`authorization` is the value of `proxy-authorization`, "" where the proxy asks for none."""

    tls: bool
    host: str
    port: int
    authorization: str = field(default="", repr=False)


@functools.lru_cache(maxsize=1024)
def destination(url: str, allow_private: bool) -> Destination:
    """UpstreamUnreachable where the address policy refuses it. Names are judged again when they are dialled."""
    parsed = judged(url, allow_private)
    host = parsed.raw_host or ""
    tls, port = parsed.scheme == "https", parsed.port or 0
    named = f"[{host}]" if ":" in host else host
    authority = named if port == (443 if tls else 80) else f"{named}:{port}"
    return Destination(tls, host, port, parsed.raw_path_qs or "/", authority)


@functools.lru_cache(maxsize=64)
def proxy(url: str) -> Proxy:
    try:
        parsed = URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.raw_host or not parsed.port:
            raise ValueError("no proxy's address")
    except ValueError as error:
        raise failures.proxy_not_reached() from error
    return Proxy(parsed.scheme == "https", parsed.raw_host, parsed.port, _basic(parsed))


def _basic(parsed: URL) -> str:
    if parsed.user is None and parsed.password is None:
        return ""
    return "Basic " + b64encode(f"{parsed.user or ''}:{parsed.password or ''}".encode()).decode()
