"""OpenAI itself. https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from typing import ClassVar

from llm.adapters.chat_completions import ChatCompletions


class OpenAI(ChatCompletions):
    # Not the caller's organization and project: they belong to a key, and the key is the gateway's.
    passed_on: ClassVar[tuple[str, ...]] = ("openai-beta",)
