"""A completions request, read into the hub's words (openai 3.54, types/completion_create_params.py)."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON, FLAG, INTEGER, RAW, TEXT, TEXT_OR_TEXTS, Fields
from llm.dialects.neutral import Conversation, Text, Turn
from llm.dialects.openai_chat.request_in import read_sampling
from llm.spec import Request

MAX_TOKENS: Final = 16
"""OpenAI's own bound where the caller names none."""
_UNSUPPORTED: Final = "is not supported by this model's provider"


def read_request(request: Request) -> Conversation:
    body = Fields(dict(request.fields), "", {})
    for name in ("model", "stream", "stream_options"):
        body.take(name, RAW)
    _refuse_what_changes_the_meaning(body)
    sampling = read_sampling(body)
    if sampling.max_tokens is None:
        sampling = msgspec.structs.replace(sampling, max_tokens=MAX_TOKENS)
    conversation = Conversation(
        turns=(Turn("user", (Text(_prompt(body)),)),),
        sampling=sampling,
        user=body.take("user", TEXT) or None,
        stream=request.stream,
    )
    body.close()
    return msgspec.structs.replace(conversation, lost=tuple(body.lost))


def _refuse_what_changes_the_meaning(body: Fields) -> None:
    """`logprobs` are in a form of their own here, and 0 asks for those of the chosen tokens."""
    if body.take("suffix", TEXT):
        raise body.wrong("suffix", _UNSUPPORTED)
    if body.take("echo", FLAG):
        raise body.wrong("echo", _UNSUPPORTED)
    if (body.take("best_of", INTEGER) or 1) > 1:
        raise body.wrong("best_of", "may only be 1 with this model's provider")
    if body.take("logprobs", INTEGER) is not None:
        raise body.wrong("logprobs", _UNSUPPORTED)


def _prompt(body: Fields) -> str:
    raw = body.need("prompt", RAW)
    try:
        prompt: str | list[str] = TEXT_OR_TEXTS.decode(raw)
    except BAD_JSON as error:
        raise body.wrong("prompt", "may only be a text with this model's provider, no tokens") from error
    if isinstance(prompt, str):
        return prompt
    if len(prompt) != 1:
        raise body.wrong("prompt", "must hold exactly one text with this model's provider")
    return prompt[0]
