"""The `response` object: a whole answer, and what a stream's first and last events hold
(openai/types/responses/response.py).

OpenAI repeats the request in it. A provider of another dialect does not, so the gateway does: what the caller said
stands there as it came, and OpenAI's defaults where it said nothing. The gateway keeps no answer, so whatever was
asked, `store` is false, and there is no answer before this one.
"""

from __future__ import annotations

from typing import Final

from llm.dialects.grammar import Body, Outside
from llm.dialects.openai_responses import wire
from llm.spec import Usage

# Never `input`, nor what the gateway cannot keep to: store, previous_response_id, background.
_REPEATED: Final = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)


def begun(provider_id: str, model: str, outside: Outside, base: str) -> Body:
    """The response before its first item; `base` is where the provider names no id."""
    return {
        "id": response_id(provider_id, base),
        "object": "response",
        "created_at": int(outside.clock()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": model or outside.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        **_repeated(outside),
    }


def _repeated(outside: Outside) -> Body:
    """What the caller said, byte for byte; a null leaves the default."""
    asked = outside.asked
    return {name: asked[name] for name in _REPEATED if name in asked and not wire.absent(asked[name])}


def ended(response: Body, output: list[Body], incomplete: str | None, usage: Usage, outside: Outside) -> Body:
    """The same response with its items. `incomplete` says why it is not complete, None where it is."""
    whole = incomplete is None
    return {
        **response,
        "status": "completed" if whole else "incomplete",
        "completed_at": int(outside.clock()) if whole else None,
        "incomplete_details": None if whole else {"reason": incomplete},
        "output": output,
        "usage": wire.write_usage(usage),
    }


def response_id(provider_id: str, new_id: str) -> str:
    """An id of OpenAI's form that still tells the provider's own."""
    plain = provider_id
    for prefix in ("resp_", "chatcmpl-", "msg_"):
        plain = plain.removeprefix(prefix)
    return "resp_" + (plain or new_id)
