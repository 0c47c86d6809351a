"""A whole completion, written from the hub's answer."""

from __future__ import annotations

import msgspec

from llm.dialects.grammar import Outside
from llm.dialects.neutral import Answer, Refusal, Text
from llm.dialects.openai_chat.wire import write_usage
from llm.dialects.openai_completions.wire import finish_word, head


def write_answer(answer: Answer, outside: Outside) -> bytes:
    """Only what the model says has a place here; its thoughts have none."""
    text = "".join(part.text for part in answer.parts if isinstance(part, Text | Refusal))
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish_word(answer.finish_reason)}
    return msgspec.json.encode(
        {**head(answer.id, answer.model, outside), "choices": [choice], "usage": write_usage(answer.usage)}
    )
