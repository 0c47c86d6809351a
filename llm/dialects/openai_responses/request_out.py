"""The hub's conversation, written as a responses request."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.cache_marks import has_marks
from llm.dialects.grammar import TURNS, Body
from llm.dialects.neutral import (
    Conversation,
    Reasoning,
    RedactedThinking,
    ResponseFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from llm.dialects.openai_responses.items_out import write_input
from llm.dialects.openai_responses.signature import HOME
from llm.dialects.reasoning import effort_of
from llm.errors import InvalidRequest

_NO_ARGUMENTS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_FORMAT_NAME: Final = "answer"  # OpenAI wants one, other dialects have none


def write_request(conversation: Conversation, *, default_max_tokens: int | None) -> tuple[Body, tuple[str, ...]]:
    """Nothing is stored at OpenAI: the caller asked a dialect that stores nothing."""
    sampling, logprobs = conversation.sampling, conversation.logprobs
    if (sampling.n or 1) > 1:
        raise InvalidRequest("n must be 1: this model's provider gives one answer a call.", param="n")
    lost = _lost(conversation)
    instructions, items = write_input(conversation.turns, lost)
    if not items:
        raise InvalidRequest(f"{TURNS} must hold a message with content.", param=TURNS)
    reasoning = _reasoning(conversation.reasoning, lost)
    body: Body = {
        "instructions": instructions,
        "input": items,
        **_tool_fields(conversation),
        "max_output_tokens": sampling.max_tokens if sampling.max_tokens is not None else default_max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "reasoning": reasoning or None,
        "text": _text(conversation) or None,
        "include": _include(conversation) or None,
        "top_logprobs": logprobs.top or None if logprobs is not None else None,
        "user": conversation.user,
        "metadata": conversation.metadata,
        "service_tier": conversation.service_tier,
        "store": False,
    }
    return _said(body), tuple(lost)


def _said(fields: Body) -> Body:
    return {name: value for name, value in fields.items() if value is not None}


def _lost(conversation: Conversation) -> dict[str, None]:
    """A penalty of 0 says nothing."""
    sampling = conversation.sampling
    there = {
        "stop": any(sampling.stop),
        "seed": sampling.seed is not None,
        "logit_bias": sampling.logit_bias is not None,
        "presence_penalty": bool(sampling.presence_penalty),
        "frequency_penalty": bool(sampling.frequency_penalty),
        "top_k": sampling.top_k is not None,
        "cache_control": has_marks(conversation),  # OpenAI caches by itself
    }
    return {name: None for name, is_there in there.items() if is_there}


def _reasoning(wanted: Reasoning | None, lost: dict[str, None]) -> Body:
    if wanted is None:
        return {}
    effort: str | None = wanted.effort
    if wanted.off:
        effort = "none"
    elif effort is None and wanted.budget is not None:
        effort = effort_of(wanted.budget)
        lost["thinking.budget_tokens"] = None
    return _said({"effort": effort, "summary": "auto" if wanted.summary else None})


def _include(conversation: Conversation) -> list[str]:
    """Sealed reasoning comes back only where it is included. Models that do not reason refuse to hear of it, so it is
    asked for where the caller speaks of reasoning, or brings some back."""
    wanted = conversation.reasoning
    included = []
    if _has_own_thoughts(conversation) or (wanted is not None and not wanted.off):
        included.append("reasoning.encrypted_content")
    if conversation.logprobs is not None:
        included.append("message.output_text.logprobs")
    return included


def _has_own_thoughts(conversation: Conversation) -> bool:
    parts = [part for turn in conversation.turns for part in turn.parts]
    return any(isinstance(part, Thinking | RedactedThinking) and part.origin == HOME for part in parts)


def _text(conversation: Conversation) -> Body:
    wanted = conversation.response_format
    return _said({"format": None if wanted is None else _format(wanted), "verbosity": conversation.verbosity})


def _format(wanted: ResponseFormat) -> Body:
    if wanted.schema is None:
        return {"type": "json_object"}
    return _said(
        {
            "type": "json_schema",
            "name": wanted.name or _FORMAT_NAME,
            "schema": wanted.schema,
            "description": wanted.description,
            "strict": wanted.strict,
        }
    )


def _tool_fields(conversation: Conversation) -> Body:
    choice = conversation.tool_choice
    if not conversation.tools:
        if choice is not None and choice.mode in ("required", "named"):
            raise InvalidRequest("tool_choice wants a tool, and tools has none that can be used.", param="tool_choice")
        return {}
    return {
        "tools": [_tool(tool) for tool in conversation.tools],
        "tool_choice": None if choice is None else _choice(choice),
        "parallel_tool_calls": conversation.parallel_tool_calls,
    }


def _choice(choice: ToolChoice) -> object:
    return {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode


def _tool(tool: Tool) -> Body:
    """Left out, `strict` is true here and false in every other dialect."""
    written: Body = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": _NO_ARGUMENTS if tool.schema is None else tool.schema,
        "strict": tool.strict is True,
    }
    return _said(written)
