"""How much a model may think and say, and in which form, written for a messages request.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking
"""

from __future__ import annotations

from typing import Final

from llm.dialects.anthropic_messages.thinking_in import MIN_BUDGET
from llm.dialects.grammar import Body
from llm.dialects.neutral import Conversation, Effort, Reasoning, ResponseFormat
from llm.errors import InvalidRequest

MAX_TOKENS: Final = 4096  # Anthropic requires a bound; this one is for callers and models that name none
MIN_TOP_P: Final = 0.95  # of a model that thinks by a budget
_EFFORTS: Final[dict[Effort, str]] = {
    "minimal": "low",  # the least that it has
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
}


def write_thinking(
    conversation: Conversation, lost: dict[str, None], *, forced: bool, default_max_tokens: int | None
) -> Body:
    """The fields `max_tokens`, `thinking` and the sampling that thinking bounds. `forced`: must the model call a tool?
    Then it cannot think by a budget."""
    sampling, reasoning = conversation.sampling, conversation.reasoning or Reasoning()
    bound = sampling.max_tokens or None
    default = default_max_tokens or MAX_TOKENS
    budget = None if reasoning.budget is None else _budget(reasoning.budget, bound, lost)
    if budget is not None and forced:
        lost["thinking.budget_tokens"] = None
        budget = None
    if budget is None:
        return {
            "max_tokens": bound or default,
            "thinking": {"type": "disabled"} if reasoning.off else None,
            "temperature": _temperature(sampling.temperature, lost),
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
        }
    return {
        "max_tokens": bound or (default if default > budget else budget + default),
        "thinking": {"type": "enabled", "budget_tokens": budget},
        **_sampling_of_thought(conversation, lost),
    }


def _budget(wanted: int, bound: int | None, lost: dict[str, None]) -> int | None:
    """Anthropic's budgets begin at 1,024 and leave room below the bound of the answer: None where there is none."""
    if bound is not None and bound <= wanted:
        raise InvalidRequest(
            "thinking.budget_tokens must be smaller than the bound of the answer (max_tokens).",
            param="thinking.budget_tokens",
        )
    if wanted >= MIN_BUDGET:
        return wanted
    lost["thinking.budget_tokens"] = None
    return MIN_BUDGET if bound is None or bound > MIN_BUDGET else None


def _sampling_of_thought(conversation: Conversation, lost: dict[str, None]) -> Body:
    """A model that thinks by a budget takes no temperature but 1, no top_k, and a top_p near to 1."""
    sampling = conversation.sampling
    if sampling.temperature not in (None, 1):
        lost["temperature"] = None
    if sampling.top_k is not None:
        lost["top_k"] = None
    top_p = sampling.top_p
    if top_p is not None and top_p < MIN_TOP_P:
        lost["top_p"] = None
        top_p = None
    return {"top_p": top_p}


def _temperature(temperature: float | None, lost: dict[str, None]) -> float | None:
    """Anthropic's scale ends at 1, OpenAI's at 2: what is hotter becomes 1, and is named."""
    if temperature is None or temperature <= 1:
        return temperature
    lost["temperature"] = None
    return 1.0


def write_output_config(conversation: Conversation, lost: dict[str, None]) -> Body | None:
    """`effort`, and `format`: a JSON schema, of which Anthropic takes no name and which it always keeps to."""
    config: Body = {}
    reasoning = conversation.reasoning
    if reasoning is not None and reasoning.effort is not None:
        config["effort"] = _EFFORTS[reasoning.effort]
    wanted = conversation.response_format
    if wanted is not None:
        config.update(_format(wanted, lost))
    return config or None


def _format(wanted: ResponseFormat, lost: dict[str, None]) -> Body:
    if wanted.schema is None or not bytes(wanted.schema).strip(b"{} \t\r\n"):  # any JSON at all
        lost["response_format"] = None
        return {}
    if wanted.description:
        lost["response_format.description"] = None
    return {"format": {"type": "json_schema", "schema": wanted.schema}}
