"""The head of a request as bytes. A program's calls differ in their bodies: their heads are made once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from llm.transport import failures

_KEPT: Final = 512
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token of RFC 9110
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "upgrade"})
_ADDED: Final[Mapping[str, str]] = {"user-agent": "llm-gateway", "accept": "*/*", "accept-encoding": "gzip, deflate"}


class Heads:
    """Heads without the length of their body, by what they are made of. The oldest are forgotten."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], bytes] = {}

    def head(self, method: str, target: str, authority: str, headers: Mapping[str, str]) -> bytes:
        """Ends with a line's end. UpstreamUnreachable for a header that must not be sent."""
        key = (method, target, authority, *headers.items())
        made = self._made.get(key)
        if made is None:
            made = _written(method, target, authority, headers)
            if len(self._made) >= _KEPT:
                del self._made[next(iter(self._made))]
            self._made[key] = made
        return made


def _written(method: str, target: str, authority: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"host: {authority}"]
    names = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise failures.header_invalid()
        names.add(lower)
        if lower not in _OURS:
            lines.append(f"{name}: {value}")
    lines.extend(f"{name}: {value}" for name, value in _ADDED.items() if name not in names)
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")
