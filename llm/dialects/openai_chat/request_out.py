"""The hub's conversation, written as a chat completions request."""

from __future__ import annotations

from typing import Final

from llm.dialects.cache_marks import has_marks
from llm.dialects.grammar import Body
from llm.dialects.neutral import Conversation, Logprobs, Reasoning, ResponseFormat, Tool, ToolChoice
from llm.dialects.openai_chat.messages_out import write_turn
from llm.dialects.reasoning import effort_of
from llm.errors import InvalidRequest

SCHEMA_NAME: Final = "response"  # OpenAI wants a name for a schema


def write_request(conversation: Conversation, *, default_max_tokens: int | None) -> tuple[Body, tuple[str, ...]]:
    """The bound is written as max_completion_tokens: reasoning models refuse the older max_tokens."""
    lost: dict[str, None] = {}
    sampling = conversation.sampling
    if (sampling.n or 1) > 1:
        raise InvalidRequest("n must be 1: this model's provider gives one answer a call.", param="n")
    if sampling.top_k is not None:
        lost["top_k"] = None
    if has_marks(conversation):
        lost["cache_control"] = None
    body: Body = {
        "messages": [message for turn in conversation.turns for message in write_turn(turn, lost)],
        "max_completion_tokens": sampling.max_tokens if sampling.max_tokens is not None else default_max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty or None,  # 0 says nothing
        "frequency_penalty": sampling.frequency_penalty or None,
        "logit_bias": sampling.logit_bias,
        "reasoning_effort": _effort(conversation.reasoning, lost),
        "response_format": _response_format(conversation.response_format),
        "user": conversation.user,
        "metadata": conversation.metadata,
        "service_tier": conversation.service_tier,
        "verbosity": conversation.verbosity,
        **_logprobs(conversation.logprobs),
        **_tool_fields(conversation),
    }
    if conversation.stream:
        body["stream_options"] = {"include_usage": True}
    return _said(body), tuple(lost)


def _said(fields: Body) -> Body:
    return {name: value for name, value in fields.items() if value is not None}


def _effort(wanted: Reasoning | None, lost: dict[str, None]) -> str | None:
    if wanted is None:
        return None
    if wanted.off:
        return "none"
    if wanted.budget is not None:
        lost["thinking.budget_tokens"] = None
        return effort_of(wanted.budget)
    return wanted.effort


def _response_format(wanted: ResponseFormat | None) -> Body | None:
    if wanted is None:
        return None
    if wanted.schema is None:
        return {"type": "json_object"}
    named: Body = {
        "name": wanted.name or SCHEMA_NAME,
        "description": wanted.description,
        "schema": wanted.schema,
        "strict": wanted.strict,
    }
    return {"type": "json_schema", "json_schema": _said(named)}


def _logprobs(wanted: Logprobs | None) -> Body:
    if wanted is None:
        return {}
    return {"logprobs": True, "top_logprobs": wanted.top or None}


def _tool_fields(conversation: Conversation) -> Body:
    choice = conversation.tool_choice
    if not conversation.tools:
        if choice is not None and choice.mode in ("required", "named"):
            raise InvalidRequest("tool_choice wants a tool, and tools has none that can be used.", param="tool_choice")
        return {}
    return {
        "tools": [_tool(tool) for tool in conversation.tools],
        "tool_choice": _tool_choice(choice),
        "parallel_tool_calls": conversation.parallel_tool_calls,
    }


def _tool(tool: Tool) -> Body:
    function: Body = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.schema,
        "strict": tool.strict,
    }
    return {"type": "function", "function": _said(function)}


def _tool_choice(choice: ToolChoice | None) -> object:
    if choice is None:
        return None
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode
