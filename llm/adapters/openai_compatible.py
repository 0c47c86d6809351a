"""Servers that speak OpenAI's chat completions (vLLM, Ollama, LM Studio, Mistral, DeepSeek, OpenRouter ...)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from llm.adapters.chat_completions import ChatCompletions


class OpenAICompatible(ChatCompletions):
    # The older word is the one that all of them know. Mistral refuses the newer with 422 extra_forbidden (April 2026,
    # https://github.com/mistralai/platform-docs-public/issues/7).
    renamed: ClassVar[Mapping[str, str]] = {"max_completion_tokens": "max_tokens"}
