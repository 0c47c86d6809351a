"""A caller's own body on its way to Anthropic: thinking that another dialect's provider signed cannot go there.

The caller got it from this gateway when another provider served the conversation; Anthropic refuses a request with a
signature that is not its own (see `llm.dialects.signatures`). All else passes byte for byte.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.anthropic_messages.words import HOME
from llm.dialects.fields import BAD_JSON
from llm.dialects.signatures import brought_back, holds_marks
from llm.spec import Request

_MESSAGES: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_BLOCKS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def upstream_body(request: Request) -> dict[str, msgspec.Raw | object]:
    """The caller's own fields."""
    body: dict[str, msgspec.Raw | object] = {**request.fields}
    messages = request.fields.get("messages")
    if messages is not None and holds_marks(messages):
        body["messages"] = _without_foreign_thinking(messages)
    return body


def _without_foreign_thinking(raw: msgspec.Raw) -> object:
    """What cannot be read stays as it is: the provider says what is wrong with it."""
    try:
        messages = _MESSAGES.decode(raw)
    except BAD_JSON:
        return raw
    return [kept for message in messages if (kept := _message(message)) is not None]


def _message(message: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw | object] | None:
    """None where nothing is left: Anthropic refuses empty messages, and takes two of the same role in a row."""
    try:
        blocks = _BLOCKS.decode(message.get("content", msgspec.Raw(b"null")))
    except BAD_JSON:
        return {**message}
    kept = brought_back(blocks, HOME)
    if kept == blocks:
        return {**message}
    return {**message, "content": kept} if kept else None
