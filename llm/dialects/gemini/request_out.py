"""The hub's conversation, written as a generateContent request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llm.dialects.cache_marks import has_marks
from llm.dialects.gemini.contents_out import write_contents, write_system
from llm.dialects.grammar import TURNS, Body
from llm.dialects.neutral import (
    Conversation,
    Reasoning,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from llm.dialects.reasoning import budget_of
from llm.errors import InvalidRequest

MAX_STOPS: Final = 5
# "auto" leaves it to Google, as saying nothing does.
_TIERS: Final = {"default": "standard", "flex": "flex", "priority": "priority"}
_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


def write_request(conversation: Conversation, *, default_max_tokens: int | None) -> tuple[Body, tuple[str, ...]]:
    if (conversation.sampling.n or 1) > 1:
        raise InvalidRequest("n must be 1: this model's provider gives one answer a call.", param="n")
    lost = _lost(conversation)
    contents = write_contents(conversation.turns, lost)
    if not contents:
        raise InvalidRequest(f"{TURNS} must hold a message with content that is not a system message.", param=TURNS)
    body: Body = {
        "systemInstruction": write_system(conversation.turns),
        "contents": contents,
        **_tool_fields(conversation, lost),
        "generationConfig": _config(conversation, lost, default_max_tokens) or None,
        "serviceTier": _TIERS.get(conversation.service_tier or ""),
    }
    return _said(body), tuple(lost)


def _said(fields: Body) -> Body:
    return {name: value for name, value in fields.items() if value is not None}


def _lost(conversation: Conversation) -> dict[str, None]:
    wanted = conversation.response_format
    there = {
        "cache_control": has_marks(conversation),  # Google caches by itself
        "parallel_tool_calls": conversation.parallel_tool_calls is False,
        "strict": any(tool.strict for tool in conversation.tools),
        "logit_bias": conversation.sampling.logit_bias is not None,
        "user": conversation.user is not None,
        "metadata": conversation.metadata is not None,
        "service_tier": conversation.service_tier not in (None, "auto", *_TIERS),
        "response_format.description": bool(wanted is not None and wanted.description),
        "verbosity": conversation.verbosity is not None,
    }
    return {name: None for name, is_there in there.items() if is_there}


def _config(conversation: Conversation, lost: dict[str, None], default_max_tokens: int | None) -> Body:
    """A penalty of 0 says nothing, and some models refuse to hear of penalties at all."""
    sampling, logprobs = conversation.sampling, conversation.logprobs
    return _said(
        {
            "maxOutputTokens": sampling.max_tokens if sampling.max_tokens is not None else default_max_tokens,
            "temperature": sampling.temperature,
            "topP": sampling.top_p,
            "topK": sampling.top_k,
            "stopSequences": _stop(sampling.stop, lost) or None,
            "seed": sampling.seed,
            "presencePenalty": sampling.presence_penalty or None,
            "frequencyPenalty": sampling.frequency_penalty or None,
            "responseLogprobs": True if logprobs is not None else None,
            "logprobs": logprobs.top or None if logprobs is not None else None,
            **_response_format(conversation.response_format),
            "thinkingConfig": _thinking(conversation.reasoning) or None,
        }
    )


def _stop(stop: Sequence[str], lost: dict[str, None]) -> list[str]:
    kept = [sequence for sequence in stop if sequence]
    if len(kept) > MAX_STOPS:
        lost["stop"] = None
    return kept[:MAX_STOPS]


def _response_format(wanted: ResponseFormat | None) -> Body:
    if wanted is None:
        return {}
    return {"responseMimeType": "application/json", "responseJsonSchema": wanted.schema}


def _thinking(wanted: Reasoning | None) -> Body:
    """In tokens: Gemini 2 knows no efforts, and all models take budgets."""
    if wanted is None:
        return {}
    budget = wanted.budget
    if wanted.off:
        budget = 0
    elif budget is None and wanted.effort is not None:
        budget = budget_of(wanted.effort)
    return _said({"thinkingBudget": budget, "includeThoughts": wanted.summary})


def _tool_fields(conversation: Conversation, lost: dict[str, None]) -> Body:
    choice = conversation.tool_choice
    if not conversation.tools:
        if choice is not None and choice.mode in ("required", "named"):
            raise InvalidRequest("tool_choice wants a tool, and tools has none that can be used.", param="tool_choice")
        return {}
    return {
        "tools": [{"functionDeclarations": [_declaration(tool) for tool in conversation.tools]}],
        "toolConfig": None if choice is None else {"functionCallingConfig": _calling(choice)},
    }


def _calling(choice: ToolChoice) -> Body:
    names = [choice.name] if choice.mode == "named" else None
    return _said({"mode": _MODES[choice.mode], "allowedFunctionNames": names})


def _declaration(tool: Tool) -> Body:
    return _said({"name": tool.name, "description": tool.description or None, "parametersJsonSchema": tool.schema})
