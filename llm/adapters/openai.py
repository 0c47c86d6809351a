"""OpenAI itself. https://platform.openai.com/docs/api-reference/chat and /responses"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from llm.adapters.chat_completions import ChatCompletions
from llm.spec import Dialect, Target

# Defaults of an operator that the Responses API knows, by its own words; it refuses what it does not know.
_IN_RESPONSES: Final[Mapping[str, str]] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "parallel_tool_calls": "parallel_tool_calls",
    "service_tier": "service_tier",
    "metadata": "metadata",
    "store": "store",
    "user": "user",
}


class OpenAI(ChatCompletions):
    # Not the caller's organization and project: they belong to a key, and the key is the gateway's.
    passed_on: ClassVar[tuple[str, ...]] = ("openai-beta",)
    also: ClassVar[frozenset[Dialect]] = frozenset({"openai_responses"})

    def url_of_dialect(self, target: Target, dialect: Dialect) -> str:
        return f"{target.base_url.rstrip('/')}/responses"

    def parameters_of_dialect(self, parameters: Mapping[str, object], dialect: Dialect) -> Mapping[str, object]:
        return {_IN_RESPONSES[name]: value for name, value in parameters.items() if name in _IN_RESPONSES}
