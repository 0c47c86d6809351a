"""Conversations of the hub, written for Gemini."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from llm.dialects.gemini import GRAMMAR
from llm.dialects.neutral import Conversation, Part, Text, Tool, ToolCall, Turn

SCHEMA = msgspec.Raw(b'{ "type":"object", "properties":{"at":{"type":"number"}} }')
TOOL = Tool("look", "Looks.", SCHEMA)
CALL = ToolCall("call_1", "look", '{ "at":1.0}')


def user(*parts: Part) -> Turn:
    return Turn("user", parts or (Text("Hello"),))


def model(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def write(
    *turns: Turn, default_max_tokens: int | None = None, **more: Any
) -> tuple[dict[str, Any], tuple[str, ...], bytes]:
    conversation = Conversation(turns=turns or (user(),), **more)
    body, dropped = GRAMMAR.write_request(conversation, default_max_tokens=default_max_tokens)
    raw = msgspec.json.encode(body)
    return json.loads(raw), dropped, raw


def contents(*turns: Turn) -> list[Any]:
    body, dropped, _ = write(*turns)
    assert dropped == ()
    found: list[Any] = body["contents"]
    return found
