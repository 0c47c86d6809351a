"""Requests for tests of the dialects."""

from __future__ import annotations

from typing import Any

import msgspec

from llm.dialects.hub import translate_request
from llm.spec import Dialect, Request
from tests.llm.dialects.folding import ANTHROPIC, OPENAI

TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{ "at":1.0}'}}


def request(dialect: Dialect, body: dict[str, Any], *, stream: bool = False) -> Request:
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}
    return Request(dialect=dialect, model="asked-model", fields=fields, stream=stream)


def user(content: Any = "Hello") -> dict[str, Any]:
    return {"role": "user", "content": content}


def to_anthropic(
    body: dict[str, Any], *, stream: bool = False, default_max_tokens: int | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    asked = request(OPENAI, {"model": "asked-model", **body}, stream=stream)
    written, dropped = translate_request(asked, ANTHROPIC, model="claude-x", default_max_tokens=default_max_tokens)
    return msgspec.json.decode(msgspec.json.encode(written)), dropped


def to_openai(body: dict[str, Any], *, stream: bool = False) -> tuple[dict[str, Any], tuple[str, ...]]:
    asked = request(ANTHROPIC, {"model": "asked-model", "max_tokens": 50, **body}, stream=stream)
    written, dropped = translate_request(asked, OPENAI, model="gpt-x", default_max_tokens=None)
    return msgspec.json.decode(msgspec.json.encode(written)), dropped
