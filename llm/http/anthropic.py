"""POST /v1/messages: reads a body in Anthropic's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from llm.bodies import fields
from llm.bodies.fields import Kind
from llm.errors import InvalidRequest
from llm.spec import COUNT, Request

# Beside `model`, `messages` and `stream`, which are looked at more closely.
_KINDS: Final[Mapping[str, Kind]] = {
    "max_tokens": "integer",
    "system": "string or list",
    "temperature": "number",
    "top_p": "number",
    "top_k": "integer",
    "stop_sequences": "list",
    "tools": "list",
    "tool_choice": "object",
    "thinking": "object",
    "metadata": "object",
}


class _Metadata(msgspec.Struct):
    user_id: str | None = None


_metadata = msgspec.json.Decoder(_Metadata).decode


def parse(body: bytes, headers: Mapping[str, str]) -> Request:
    """InvalidRequest, with the field's name, for what is no messages request."""
    given = fields.parse(body)
    fields.check(given, _KINDS)
    fields.messages(given)
    model, stream = fields.text(given, "model"), fields.flag(given, "stream")
    return Request("anthropic_messages", model, given, stream, fields.passed_on(headers, fields.ANTHROPIC_HEADERS))


def parse_count(body: bytes, headers: Mapping[str, str]) -> Request:
    """POST /v1/messages/count_tokens: the same body, of which only the tokens are wanted."""
    return msgspec.structs.replace(parse(body, headers), surface=COUNT, stream=False)


def end_user(request: Request) -> str:
    """Whom the caller says that it serves."""
    raw = request.fields.get("metadata")
    if raw is None or bytes(raw) == b"null":
        return ""
    try:
        return _metadata(raw).user_id or ""
    except msgspec.MsgspecError as error:
        raise InvalidRequest("The field 'metadata.user_id' must be a string.", param="metadata.user_id") from error
