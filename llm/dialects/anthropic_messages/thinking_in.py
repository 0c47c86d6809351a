"""`thinking` and `output_config` of a messages request: how hard the model thinks, and the form of its answer.

Source: `ThinkingConfigParam` and `OutputConfigParam` of the anthropic SDK (2.12).
"""

from __future__ import annotations

from typing import Final

from llm.dialects.anthropic_messages.words import need_object
from llm.dialects.fields import INTEGER, OBJECT, TEXT, Fields
from llm.dialects.neutral import Effort, Reasoning, ResponseFormat

MIN_BUDGET: Final = 1024
_EFFORTS: Final[dict[str, Effort]] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "xhigh",  # the hub's words end there
}


def read_output_config(body: Fields) -> tuple[Effort | None, ResponseFormat | None]:
    given = body.take("output_config", OBJECT)
    if given is None:
        return None, None
    config = body.inner("output_config", given)
    word = config.take("effort", TEXT)
    if word is not None and word not in _EFFORTS:
        raise config.wrong("effort", "is none of low, medium, high, xhigh, max")
    wanted = config.take("format", OBJECT)
    read = None if wanted is None else _format(config.inner("format", wanted))
    config.close()
    return _EFFORTS[word] if word is not None else None, read


def _format(wanted: Fields) -> ResponseFormat:
    if wanted.need("type", TEXT) != "json_schema":
        raise wanted.wrong("type", "may only be json_schema")
    schema = need_object(wanted, "schema")
    wanted.close()
    return ResponseFormat(schema=schema)


def read_thinking(body: Fields, effort: Effort | None) -> Reasoning | None:
    """`effort` comes from `output_config`. The hub has one word for how much: with an effort, a budget is named as
    lost, and the effort is where the model is not to think."""
    given = body.take("thinking", OBJECT)
    if given is None:
        return None if effort is None else Reasoning(effort=effort)
    thinking = body.inner("thinking", given)
    kind = thinking.need("type", TEXT)
    read = _read(thinking, kind, effort)
    thinking.close()
    return read


def _read(thinking: Fields, kind: str, effort: Effort | None) -> Reasoning | None:
    if kind == "disabled":
        if effort is not None:
            thinking.lose("output_config.effort")
        return Reasoning(off=True)
    if kind == "between_tools":
        thinking.lose("thinking.between_tools")
        return None if effort is None else Reasoning(effort=effort)
    if kind not in ("enabled", "adaptive"):
        raise thinking.wrong("type", "is none of enabled, disabled, adaptive, between_tools")
    budget = _budget(thinking) if kind == "enabled" else None
    if budget is not None and effort is not None:
        thinking.lose("thinking.budget_tokens")
        budget = None
    return Reasoning(effort=effort, budget=budget, summary=_is_shown(thinking))


def _budget(thinking: Fields) -> int:
    budget = thinking.need("budget_tokens", INTEGER)
    if budget < MIN_BUDGET:
        raise thinking.wrong("budget_tokens", f"must be at least {MIN_BUDGET}")
    return budget


def _is_shown(thinking: Fields) -> bool:
    """Who turns thinking on sees it, but for who says otherwise."""
    display = thinking.take("display", TEXT)
    if display not in (None, "summarized", "omitted"):
        raise thinking.wrong("display", "is none of summarized, omitted")
    return display != "omitted"
