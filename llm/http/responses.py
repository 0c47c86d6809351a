"""POST /v1/responses: reads a body in the dialect of OpenAI's Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.bodies import fields
from llm.bodies.fields import Kind
from llm.errors import InvalidRequest
from llm.spec import Request

# Beside `model` and `stream`, which are looked at more closely.
_KINDS: Final[Mapping[str, Kind]] = {
    "input": "string or list",
    "instructions": "string or list",
    "stream_options": "object",
    "max_output_tokens": "integer",
    "max_tool_calls": "integer",
    "temperature": "number",
    "top_p": "number",
    "top_logprobs": "integer",
    "tools": "list",
    "tool_choice": "string or object",
    "parallel_tool_calls": "boolean",
    "reasoning": "object",
    "text": "object",
    "include": "list",
    "metadata": "object",
    "store": "boolean",
    "background": "boolean",
    "previous_response_id": "string",
    "truncation": "string",
    "service_tier": "string",
    "user": "string",
    "safety_identifier": "string",
}
# What may stand for the input: the state that the provider keeps.
_KEPT: Final = ("previous_response_id", "conversation", "prompt")


def parse(body: bytes, headers: Mapping[str, str]) -> Request:
    """InvalidRequest, with the field's name, for what is no request of this kind."""
    given = fields.parse(body)
    fields.check(given, _KINDS)
    if not any(_says(given, name) for name in ("input", *_KEPT)):
        raise InvalidRequest("The field 'input' is required.", param="input")
    model, stream = fields.text(given, "model"), fields.flag(given, "stream")
    return Request("openai_responses", model, given, stream, fields.passed_on(headers, fields.OPENAI_HEADERS))


def end_user(request: Request) -> str:
    """Whom the caller says that it serves."""
    return fields.text(request.fields, "user") or fields.text(request.fields, "safety_identifier")


def _says(given: fields.Fields, name: str) -> bool:
    raw = given.get(name)
    return raw is not None and bytes(raw) != b"null"
