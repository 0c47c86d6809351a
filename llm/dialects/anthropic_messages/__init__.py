"""Anthropic's messages, both ways."""

from __future__ import annotations

from typing import Final

from llm.dialects.anthropic_messages.error import write_error, write_stream_error
from llm.dialects.anthropic_messages.history import upstream_body
from llm.dialects.anthropic_messages.relay import MessagesRelay
from llm.dialects.anthropic_messages.request_in import read_request
from llm.dialects.anthropic_messages.request_out import write_request
from llm.dialects.anthropic_messages.result import inspect_answer, read_answer, write_answer
from llm.dialects.anthropic_messages.said import said
from llm.dialects.anthropic_messages.stream_in import MessagesReader
from llm.dialects.anthropic_messages.stream_out import MessagesWriter
from llm.dialects.grammar import Grammar

GRAMMAR: Final = Grammar(
    read_request=read_request,
    write_request=write_request,
    inspect_answer=inspect_answer,
    read_answer=read_answer,
    write_answer=write_answer,
    relay=MessagesRelay,
    reader=MessagesReader,
    said=said,
    writer=MessagesWriter,
    upstream_body=upstream_body,
    write_error=write_error,
    write_stream_error=write_stream_error,
)
