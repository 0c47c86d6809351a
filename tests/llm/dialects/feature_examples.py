"""For each dialect of callers and each feature that it has a word for: an example. And a body that says none."""

from __future__ import annotations

from typing import Final

from llm.spec import Dialect
from tests.llm.dialects import (
    feature_examples_chat,
    feature_examples_completions,
    feature_examples_gemini,
    feature_examples_messages,
    feature_examples_responses,
)
from tests.llm.dialects.feature_example import Body, Examples

EXAMPLES: Final[dict[Dialect, Examples]] = {
    "openai_chat": feature_examples_chat.EXAMPLES,
    "openai_responses": feature_examples_responses.EXAMPLES,
    "anthropic_messages": feature_examples_messages.EXAMPLES,
    "gemini": feature_examples_gemini.EXAMPLES,
    "openai_completions": feature_examples_completions.EXAMPLES,
}
PLAIN: Final[dict[Dialect, Body]] = {
    "openai_chat": feature_examples_chat.PLAIN,
    "openai_responses": feature_examples_responses.PLAIN,
    "anthropic_messages": feature_examples_messages.PLAIN,
    "gemini": feature_examples_gemini.PLAIN,
    "openai_completions": feature_examples_completions.PLAIN,
}
