"""Heads of calls that were parsed before. A program's calls differ in their bodies: most of their heads are known."""

from __future__ import annotations

from typing import Final

from llm.http.head import Head

MOST: Final = 512
LONGEST: Final = 4096
_LENGTH: Final = b"\r\ncontent-length:"
_MOST_DIGITS: Final = 9

Key = tuple[bytes, bytes]
"""A head's bytes before and behind the length of the body: behind it at least the empty line."""


def whole(data: bytes) -> tuple[Key, int] | None:
    """Of one request that begins and ends with these bytes: its head, and where the body begins. None for anything
    else, and where the head is a long one."""
    end = data.find(b"\r\n\r\n", 0, LONGEST)
    if end < 0 or not data.startswith(b"POST /"):
        return None
    at = data[:end].lower().find(_LENGTH)
    if at < 0:
        return None
    at += len(_LENGTH)
    stop = data.find(b"\r", at)
    told = data[at:stop]
    digits = told.strip(b" \t")
    if not digits.isdigit() or len(digits) > _MOST_DIGITS or end + 4 + int(digits) != len(data):
        return None
    before = at + told.index(digits)
    return (data[:before], data[before + len(digits) : end + 4]), end + 4


class Known:
    """A head by which the calls of a connection begin."""

    __slots__ = ("_after", "_before", "_size", "head")

    def __init__(self, key: Key, head: Head) -> None:
        self.head = head
        self._before, self._after = key
        self._size = len(self._before) + len(self._after)

    def ends(self, data: bytes) -> int:
        """Of one request that begins with this head and ends with these bytes: where the head ends. 0 for anything
        else, and for a few bodies whose length has a digit less than the sum of both: `whole` knows those too."""
        rest = len(data) - self._size  # the digits of the body's length, and the body
        size = rest - len(str(rest))
        head = self._before + b"%d" % size + self._after
        end = len(head)
        return end if data.startswith(head) and end + size == len(data) else 0


class Heads:
    """By the key of `whole`. Only what the parser has taken for a plain call comes in; the oldest are forgotten."""

    __slots__ = ("_known", "get")

    def __init__(self) -> None:
        self._known: dict[Key, Known] = {}
        self.get = self._known.get

    def add(self, key: Key, head: Head) -> Known:
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        known = self._known[key] = Known(key, head)
        return known
