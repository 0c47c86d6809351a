"""A caller's own body on its way to a provider of chat completions: the details of thinking that another dialect's
provider signed cannot go there (see `llm.dialects.signatures`). All else passes byte for byte."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.openai_chat import stream_options
from llm.dialects.openai_chat.thoughts import HOME
from llm.dialects.signatures import brought_back, holds_marks
from llm.spec import Request

_DETAILS: Final = "reasoning_details"
_MESSAGES: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def upstream_body(request: Request) -> dict[str, msgspec.Raw | object]:
    """The caller's own fields; see `stream_options`. Messages that cannot be read stay as they are: the provider says
    what is wrong with them."""
    body: dict[str, msgspec.Raw | object]
    body = stream_options.upstream_body(request) if request.stream else {**request.fields}
    messages = request.fields.get("messages")
    if messages is not None and holds_marks(messages):
        try:
            body["messages"] = [_message(message) for message in _MESSAGES.decode(messages)]
        except BAD_JSON:
            return body
    return body


def _message(message: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw | object]:
    details = message.get(_DETAILS)
    if details is None:
        return {**message}
    try:
        kept = brought_back(_LIST.decode(details), HOME)
    except BAD_JSON:
        return {**message}
    rest: dict[str, msgspec.Raw | object] = {name: value for name, value in message.items() if name != _DETAILS}
    return {**rest, _DETAILS: kept} if kept else rest
