"""Counting the tokens of a messages request: `POST /v1/messages/count_tokens`.

A provider of Anthropic's own dialect counts by itself: its body is that of a request without `max_tokens`, and passes
through as one does. For all others there is an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from llm.dialects.anthropic_messages import wire
from llm.dialects.anthropic_messages.error import read_error
from llm.dialects.anthropic_messages.request_in import read_request
from llm.dialects.fields import BAD_JSON
from llm.dialects.media import text_of_document
from llm.dialects.neutral import (
    Audio,
    Conversation,
    Document,
    Image,
    Part,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from llm.errors import UpstreamMalformed
from llm.spec import Request

CHARACTERS_PER_TOKEN: Final = 4
TOKENS_PER_MESSAGE: Final = 3
TOKENS_PER_IMAGE: Final = 1500


class _CountWire(msgspec.Struct):
    input_tokens: int | None = None
    error: msgspec.Raw = wire.NOTHING


_COUNT: Final = msgspec.json.Decoder(_CountWire)


def read_count_request(request: Request) -> Conversation:
    """As strict as a messages request: InvalidRequest with `param` where a field has a wrong type."""
    return read_request(request)


def read_count(body: bytes) -> int:
    """A provider's answer. UpstreamMalformed where it is none, another UpstreamError where it is an error after all."""
    try:
        count = _COUNT.decode(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no count of tokens.") from error
    if not wire.absent(count.error):
        raise read_error(count.error)
    if count.input_tokens is None or count.input_tokens < 0:
        raise UpstreamMalformed("The provider's answer is no count of tokens.")
    return count.input_tokens


def write_count(input_tokens: int) -> bytes:
    return msgspec.json.encode({"input_tokens": input_tokens})


def estimate(conversation: Conversation) -> int:
    """An estimate of the input tokens, for providers that cannot count: no tokenizer is asked.

    The characters of all texts and of the tools and schemas, by 4, and 3 for each message (the system text is one);
    1,500 for each image, and for each document whose text is not in the body. Rounded up. English prose is met within
    about a fifth; other languages, code and long documents are mostly underestimated.
    """
    parts = [part for turn in conversation.turns for part in turn.parts]
    characters = _characters(parts) + sum(_of_tool(tool) for tool in conversation.tools)
    if conversation.response_format is not None:
        characters += _of_json(conversation.response_format.schema)
    tokens = TOKENS_PER_MESSAGE * len(conversation.turns) + TOKENS_PER_IMAGE * _images(parts)
    return tokens + math.ceil(characters / CHARACTERS_PER_TOKEN)


def _characters(parts: Iterable[Part]) -> int:
    return sum(_of_part(part) for part in parts)


def _of_part(part: Part) -> int:
    match part:
        case Text(text) | Refusal(text) | Thinking(text):
            return len(text)
        case ToolCall():
            return len(part.name) + len(part.arguments)
        case ToolResult():
            return _characters(part.parts)
        case Document():
            return len(text_of_document(part) or "") + len(part.title or "")
    return 0


def _images(parts: Iterable[Part]) -> int:
    return sum(_images(part.parts) if isinstance(part, ToolResult) else _is_image(part) for part in parts)


def _is_image(part: Part) -> bool:
    if isinstance(part, Document):
        return text_of_document(part) is None
    return isinstance(part, Image | Audio)


def _of_tool(tool: Tool) -> int:
    return len(tool.name) + len(tool.description or "") + _of_json(tool.schema)


def _of_json(raw: msgspec.Raw | None) -> int:
    return 0 if raw is None else len(bytes(raw).decode(errors="replace"))
