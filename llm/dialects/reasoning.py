"""How hard a model thinks: OpenAI's words for it, and tokens.

The budgets are the gateway's own measure: no provider publishes what its words mean in tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.dialects.neutral import Effort

_BUDGETS: Final[Mapping[Effort, int]] = {
    "minimal": 512,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 32768,
}

EFFORT_OF_WORD: Final[Mapping[str, Effort]] = {
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "xhigh",
}
"""The words that callers use, "none" aside, which is no effort at all. "max" is all that there is."""


def budget_of(effort: Effort) -> int:
    """Tokens."""
    return _BUDGETS[effort]


def effort_of(budget: int) -> Effort:
    """`budget` in tokens. The longest is "high": not every model knows a word above it."""
    if budget <= _BUDGETS["low"]:
        return "low"
    return "medium" if budget <= _BUDGETS["medium"] else "high"
