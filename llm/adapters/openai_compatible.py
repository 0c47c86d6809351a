"""Servers that speak OpenAI's chat completions (vLLM, Ollama, LM Studio, Mistral, DeepSeek, OpenRouter ...)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from llm.adapters import compatible_rows
from llm.adapters.chat_completions import ChatCompletions
from llm.spec import Request, Target


class OpenAICompatible(ChatCompletions):
    # The older word is the one that all of them know. Mistral refuses the newer with 422 extra_forbidden (April 2026,
    # https://github.com/mistralai/platform-docs-public/issues/7).
    renamed: ClassVar[Mapping[str, str]] = {"max_completion_tokens": "max_tokens"}

    def body_of(self, request: Request, target: Target) -> tuple[dict[str, object], tuple[str, ...]]:
        """What a known server refuses is left out and named; the operator's `extra_body` goes there all the same."""
        body, dropped = super().body_of(request, target)
        row = compatible_rows.row_of(target.base_url)
        if row is None:
            return body, dropped
        more = compatible_rows.fitted(body, row, kept=target.extra_body)
        return body, tuple(dict.fromkeys((*dropped, *more)))
