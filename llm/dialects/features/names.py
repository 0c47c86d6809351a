"""What the hub's names are called by callers: one reads the words of the dialect that it speaks.

The hub names what a provider's dialect cannot say by OpenAI's chat words; here is where another dialect's differ. What
a caller's own dialect names as lost while it is read has its own word already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.spec import Dialect

_CONFIG: Final = "generationConfig"

WORDS: Final[Mapping[Dialect, Mapping[str, str]]] = {
    "openai_chat": {
        "citations": "annotations",
        "thinking": "reasoning_content",
        "title": "filename",
        "response_format.description": "response_format.json_schema.description",
    },
    "openai_responses": {
        "messages": "input",
        "messages.system_position": "input.system_position",
        "citations": "annotations",
        "thinking": "input.reasoning",
        "title": "filename",
        "response_format": "text.format",
        "response_format.description": "text.format.description",
        "logprobs": "include.message.output_text.logprobs",
        "verbosity": "text.verbosity",
    },
    "anthropic_messages": {
        "stop": "stop_sequences",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "user": "metadata.user_id",
    },
    "gemini": {
        "messages": "contents",
        "title": "displayName",
        "thinking": "thought",
        "is_error": "functionResponse.response.error",
        "service_tier": "serviceTier",
        "n": f"{_CONFIG}.candidateCount",
        "stop": f"{_CONFIG}.stopSequences",
        "seed": f"{_CONFIG}.seed",
        "temperature": f"{_CONFIG}.temperature",
        "top_k": f"{_CONFIG}.topK",
        "top_p": f"{_CONFIG}.topP",
        "presence_penalty": f"{_CONFIG}.presencePenalty",
        "frequency_penalty": f"{_CONFIG}.frequencyPenalty",
        "logprobs": f"{_CONFIG}.responseLogprobs",
        "response_format": f"{_CONFIG}.responseMimeType",
        "thinking.budget_tokens": f"{_CONFIG}.thinkingConfig.thinkingBudget",
    },
    "openai_completions": {"messages": "prompt"},
}


def callers_word(caller: Dialect, name: str) -> str:
    """What a caller of this dialect reads for the hub's `name`: in `x-gateway-dropped`, or as the field of an error."""
    return WORDS[caller].get(name, name)
