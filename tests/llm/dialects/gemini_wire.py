"""generateContent requests for tests."""

from __future__ import annotations

from typing import Any

from llm.dialects.gemini import GRAMMAR
from llm.dialects.neutral import Conversation, Turn
from tests.llm.dialects.asking import request

HELLO = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
LOOK = {"functionDeclarations": [{"name": "look", "parametersJsonSchema": {"type": "object"}}, {"name": "now"}]}


def read(body: dict[str, Any], *, stream: bool = False) -> Conversation:
    return GRAMMAR.read_request(request("gemini", body, stream=stream))


def turns(*contents: Any) -> tuple[Turn, ...]:
    return read({"contents": list(contents)}).turns


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}
