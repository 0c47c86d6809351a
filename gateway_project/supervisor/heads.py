"""Heads of calls that were parsed before. A program's calls differ in their bodies: most of their heads are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MOST: Final = 512
LONGEST: Final = 4096
_LENGTH: Final = b"\r\ncontent-length:"


@dataclass(frozen=True, slots=True)
class Head:
    """`headers` with names in lower case, but without the length of the body."""

    path: str
    headers: Mapping[str, str]


def whole(data: bytes) -> tuple[bytes, int] | None:
    """Of one request that begins and ends with these bytes: its key, which is the head without the line that tells the
    length of the body, and where the body begins. None for anything else, and where the head is a long one."""
    end = data.find(b"\r\n\r\n", 0, LONGEST)
    if end < 0:
        return None
    if not data.startswith(b"POST /"):
        return None
    head = data[:end]
    at = head.lower().find(_LENGTH)
    if at < 0:
        return None
    stop = head.find(b"\r\n", at + 2)
    if stop < 0:
        stop = end
    digits = head[at + len(_LENGTH) : stop].strip(b" \t")
    if not digits.isdigit() or len(digits) > 9 or end + 4 + int(digits) != len(data):
        return None
    return head[:at] + head[stop:], end + 4


class Heads:
    """By the key of `whole`. Only what the parser has taken for a plain call comes in; the oldest are forgotten."""

    __slots__ = ("_known", "known")

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self.known = self._known.get

    def add(self, key: bytes, head: Head) -> None:
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = head
