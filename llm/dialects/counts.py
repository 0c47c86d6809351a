"""Counts of tokens as providers send them."""

from __future__ import annotations


def within(count: int | None, limit: int) -> int:
    """A part of a sum: never below 0 nor above the sum, whatever the provider says."""
    return min(max(count or 0, 0), limit)
