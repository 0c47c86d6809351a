"""The body of /v1/chat/completions, in OpenAI's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.bodies import fields
from llm.bodies.fields import Kind
from llm.spec import Request

# Beside `model`, `messages` and `stream`, which are looked at more closely.
_KINDS: Final[Mapping[str, Kind]] = {
    "stream_options": "object",
    "max_tokens": "integer",
    "max_completion_tokens": "integer",
    "temperature": "number",
    "top_p": "number",
    "n": "integer",
    "stop": "string or list",
    "seed": "integer",
    "presence_penalty": "number",
    "frequency_penalty": "number",
    "logit_bias": "object",
    "logprobs": "boolean",
    "top_logprobs": "integer",
    "tools": "list",
    "tool_choice": "string or object",
    "parallel_tool_calls": "boolean",
    "response_format": "object",
    "metadata": "object",
    "user": "string",
}


def parse(body: bytes, headers: Mapping[str, str]) -> Request:
    """InvalidRequest, with the field's name, for what is no chat completion request."""
    given = fields.parse(body)
    fields.check(given, _KINDS)
    fields.messages(given)
    model, stream = fields.text(given, "model"), fields.flag(given, "stream")
    return Request("openai_chat", model, given, stream, fields.passed_on(headers, fields.OPENAI_HEADERS))


def end_user(request: Request) -> str:
    """Whom the caller says that it serves."""
    return fields.text(request.fields, "user")
