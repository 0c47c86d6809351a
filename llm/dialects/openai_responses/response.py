"""The `response` object: a whole answer, and what a stream's first and last events hold
(openai/types/responses/response.py).

OpenAI repeats the request in it. A provider of another dialect does not, so what the client's types require is
written as OpenAI's defaults, and what was asked for stays null.
"""

from __future__ import annotations

from llm.dialects.grammar import Body, Outside
from llm.dialects.openai_responses import wire
from llm.spec import Usage


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
    }


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
