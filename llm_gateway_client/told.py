"""Reads what a server tells, whatever it tells: every function gives the wanted type, and raises nothing."""

from __future__ import annotations

from typing import Any

from llm_gateway_client.shape import finite


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def obj(value: object) -> dict[str, Any]:
    """An object of JSON."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def count(value: object) -> int:
    """A whole number from 0 up."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def number(value: object) -> float | None:
    """A number from 0 up, also one that is written as text (a header)."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if finite(value) and isinstance(value, int | float) and 0 <= value < 1e15 else None


def content(value: object) -> str | None:
    """A message's text: a string, or the texts of its parts. None where it has none."""
    if isinstance(value, list):
        texts = [obj(part).get("text") for part in value]
        return "".join(one for one in texts if isinstance(one, str)) if any(texts) else None
    return value if isinstance(value, str) else None
