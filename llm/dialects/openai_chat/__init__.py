"""OpenAI's chat completions, both ways."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import OBJECT, Fields
from llm.dialects.grammar import Grammar
from llm.dialects.openai_chat.error import write_error, write_stream_error
from llm.dialects.openai_chat.relay import ChatRelay
from llm.dialects.openai_chat.request_in import read_request
from llm.dialects.openai_chat.request_out import write_request
from llm.dialects.openai_chat.result import inspect_answer, read_answer, write_answer
from llm.dialects.openai_chat.stream_in import ChatReader
from llm.dialects.openai_chat.stream_out import ChatWriter
from llm.spec import Request


def upstream_body(request: Request) -> dict[str, msgspec.Raw | object]:
    """The caller's own fields; of a stream the usage is asked for, whether the caller wants it or not."""
    body: dict[str, msgspec.Raw | object] = {**request.fields}
    if request.stream:
        options = Fields(dict(request.fields), "", {}).take("stream_options", OBJECT) or {}
        body["stream_options"] = {**options, "include_usage": True}
    return body


GRAMMAR: Final = Grammar(
    read_request=read_request,
    write_request=write_request,
    inspect_answer=inspect_answer,
    read_answer=read_answer,
    write_answer=write_answer,
    relay=ChatRelay,
    reader=ChatReader,
    writer=ChatWriter,
    upstream_body=upstream_body,
    write_error=write_error,
    write_stream_error=write_stream_error,
)
