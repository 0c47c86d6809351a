"""Counts of tokens as providers send them: whatever one says, nothing behind it (prices, sums, columns of 64 bits,
numbers of Lua and JavaScript) overflows."""

from __future__ import annotations

from typing import Final

MOST: Final = 10**9
"""More tokens than any call has. A provider that says more is wrong, and this is what is believed."""


def counted(count: int | None) -> int:
    """Never below 0 nor above MOST; 0 for what was not said."""
    if not count or count < 0:
        return 0
    return count if count <= MOST else MOST


def within(count: int | None, limit: int) -> int:
    """A part of a sum: never below 0 nor above the sum, whatever the provider says."""
    if not count or count < 0:
        return 0
    return count if count <= limit else max(limit, 0)
