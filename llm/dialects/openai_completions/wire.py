"""What answers and chunks of completions have in common (openai 3.54, types/completion.py)."""

from __future__ import annotations

from typing import Final

from llm.dialects.grammar import Body, Outside
from llm.spec import FinishReason

_PREFIXES: Final = ("msg_", "resp_", "chatcmpl-", "cmpl-")
_WORDS: Final[dict[FinishReason, str]] = {
    "length": "length",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}


def head(provider_id: str, model: str, outside: Outside) -> Body:
    for prefix in _PREFIXES:
        provider_id = provider_id.removeprefix(prefix)
    return {
        "id": "cmpl-" + (provider_id or outside.new_id()),
        "object": "text_completion",
        "created": int(outside.clock()),
        "model": model or outside.model,
    }


def finish_word(reason: FinishReason) -> str:
    """There are three words only; what has none of its own is a stop."""
    return _WORDS.get(reason, "stop")
