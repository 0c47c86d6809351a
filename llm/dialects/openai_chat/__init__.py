"""OpenAI's chat completions, both ways."""

from __future__ import annotations

from typing import Final

from llm.dialects.grammar import Grammar
from llm.dialects.openai_chat.error import write_error, write_stream_error
from llm.dialects.openai_chat.history import upstream_body
from llm.dialects.openai_chat.relay import ChatRelay
from llm.dialects.openai_chat.request_in import read_request
from llm.dialects.openai_chat.request_out import write_request
from llm.dialects.openai_chat.result import inspect_answer, read_answer, write_answer
from llm.dialects.openai_chat.said import said
from llm.dialects.openai_chat.stream_in import ChatReader
from llm.dialects.openai_chat.stream_options import wants_usage
from llm.dialects.openai_chat.stream_out import ChatWriter

GRAMMAR: Final = Grammar(
    read_request=read_request,
    write_request=write_request,
    inspect_answer=inspect_answer,
    read_answer=read_answer,
    write_answer=write_answer,
    relay=ChatRelay,
    reader=ChatReader,
    said=said,
    writer=ChatWriter,
    upstream_body=upstream_body,
    wants_usage=wants_usage,
    write_error=write_error,
    write_stream_error=write_stream_error,
)
