"""The hub's conversation, written as a messages request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llm.dialects.anthropic_messages.content_out import ContentWriter
from llm.dialects.anthropic_messages.thinking_out import write_output_config, write_thinking
from llm.dialects.anthropic_messages.tools_out import is_forced, write_tools
from llm.dialects.anthropic_messages.words import Marks
from llm.dialects.grammar import TURNS, Body
from llm.dialects.neutral import Conversation
from llm.errors import InvalidRequest

_TIERS: Final = {"auto": "auto", "default": "standard_only"}


def write_request(conversation: Conversation, *, default_max_tokens: int | None) -> tuple[Body, tuple[str, ...]]:
    if (conversation.sampling.n or 1) > 1:
        raise InvalidRequest("n must be 1: this model's provider gives one answer a call.", param="n")
    lost = _lost(conversation)
    marks = Marks(lost)
    tools = write_tools(conversation, marks)
    content = ContentWriter(lost, marks)
    system = content.system(conversation.turns)
    messages = content.messages(conversation.turns)
    if not messages:
        raise InvalidRequest(f"{TURNS} must hold a message with content that is not a system message.", param=TURNS)
    body: Body = {
        "system": system or None,
        "messages": messages,
        **write_thinking(conversation, lost, forced=is_forced(conversation), default_max_tokens=default_max_tokens),
        "stop_sequences": _stop(conversation.sampling.stop, lost) or None,
        "metadata": {"user_id": conversation.user} if conversation.user else None,
        "output_config": write_output_config(conversation, lost),
        "service_tier": _service_tier(conversation.service_tier, lost),
        **tools,
    }
    return {name: value for name, value in body.items() if value is not None}, tuple(lost)


def _lost(conversation: Conversation) -> dict[str, None]:
    sampling = conversation.sampling
    there = {
        "seed": sampling.seed is not None,
        "presence_penalty": bool(sampling.presence_penalty),
        "frequency_penalty": bool(sampling.frequency_penalty),
        "logit_bias": sampling.logit_bias is not None,
        "logprobs": conversation.logprobs is not None,
        "metadata": conversation.metadata is not None,
        "verbosity": conversation.verbosity is not None,
    }
    return {name: None for name, is_there in there.items() if is_there}


def _stop(stop: Sequence[str], lost: dict[str, None]) -> list[str]:
    """Anthropic refuses stop sequences that are white space only."""
    kept = [sequence for sequence in stop if sequence.strip()]
    if len(kept) < len(stop):
        lost["stop"] = None
    return kept


def _service_tier(tier: str | None, lost: dict[str, None]) -> str | None:
    if tier is not None and tier not in _TIERS:
        lost["service_tier"] = None
    return _TIERS.get(tier or "")
