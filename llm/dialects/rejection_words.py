"""By what words providers refuse a conversation for its content or its length, and nothing else.

Where a provider has a code for it, by the code; else by its text: Anthropic, Google and most servers of their own have
none, and a route must tell these two apart from all other refusals.
"""

from __future__ import annotations

import re
from typing import Final

_FILTERED_CODES: Final = frozenset(
    {
        "content_filter",  # OpenAI, Azure, Moonshot
        "content_filtered",  # this gateway
        "content_policy_violation",
        "responsibleaipolicyviolation",  # Azure's inner code
        "moderation_blocked",
        "image_content_policy_violation",
        "bio_policy",
        "misalignment_policy_violation",
        "data_inspection_failed",  # Qwen
        "datainspectionfailed",
    }
)
_TOO_LONG_CODES: Final = frozenset(
    {
        "context_length_exceeded",  # OpenAI, Azure, Groq, this gateway
        "exceed_context_size_error",  # llama.cpp
    }
)
# A code that says no more than that the request is refused.
_VAGUE: Final = frozenset(
    {"", "null", "none", "badrequest", "bad_request", "badrequesterror", "invalid_request", "invalid_request_error"}
    | {"invalid_argument", "invalid_prompt", "invalid_prompt_error", "permission-denied"}
)
_FILTERED: Final = re.compile(
    r"content (?:filtering|management) policy"  # Anthropic, Azure
    r"|violat\w*\W+(?:\w+\W+){0,3}(?:usage|content) (?:polic|guideline)"  # OpenAI, xAI
    r"|rejected (?:as a result of|by) (?:our|the) safety system|responsible ai practices"  # OpenAI, Vertex
    r"|your input was flagged|content exists risk|considered high risk"  # OpenRouter, DeepSeek, Moonshot
    r"|data may contain inappropriate content",  # Qwen
    re.IGNORECASE,
)
_TOO_LONG: Final = re.compile(
    r"maximum (?:context|prompt) length"  # OpenAI, vLLM, DeepSeek, Together, OpenRouter, Mistral; xAI
    r"|prompt is too long|input is too long for"  # Anthropic; Bedrock
    r"|exceeds? (?:the )?(?:available )?context (?:limit|window|size|length)"  # Anthropic, OpenAI, llama.cpp
    r"|input token count\b.{0,40}\bexceeds the maximum"  # Google
    r"|greater than the context length",  # LM Studio
    re.IGNORECASE | re.DOTALL,
)
_READ: Final = 2000  # characters of a text: more is no sentence of a provider


def is_filtered(message: str, *codes: str) -> bool:
    """`codes`: whatever the provider named as code or type."""
    return _is(_FILTERED_CODES, _FILTERED, message, codes)


def is_too_long(message: str, *codes: str) -> bool:
    """The same, for a conversation that does not fit in the model's window."""
    return _is(_TOO_LONG_CODES, _TOO_LONG, message, codes)


def _is(known: frozenset[str], text: re.Pattern[str], message: str, codes: tuple[str, ...]) -> bool:
    lower = [code.lower() for code in codes]
    if not known.isdisjoint(lower):
        return True
    return (lower[0] in _VAGUE or lower[0].isdecimal()) and text.search(message[:_READ]) is not None
