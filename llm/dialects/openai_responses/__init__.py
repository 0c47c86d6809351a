"""OpenAI's responses, both ways."""

from __future__ import annotations

from typing import Final

from llm.dialects.grammar import Grammar
from llm.dialects.openai_responses.error import write_error, write_stream_error
from llm.dialects.openai_responses.history import upstream_body
from llm.dialects.openai_responses.relay import ResponsesRelay
from llm.dialects.openai_responses.request_in import read_request
from llm.dialects.openai_responses.request_out import write_request
from llm.dialects.openai_responses.result import inspect_answer, read_answer, write_answer
from llm.dialects.openai_responses.said import said
from llm.dialects.openai_responses.stream_in import ResponsesReader
from llm.dialects.openai_responses.stream_out import ResponsesWriter

GRAMMAR: Final = Grammar(
    read_request=read_request,
    write_request=write_request,
    inspect_answer=inspect_answer,
    read_answer=read_answer,
    write_answer=write_answer,
    relay=ResponsesRelay,
    reader=ResponsesReader,
    said=said,
    writer=ResponsesWriter,
    upstream_body=upstream_body,
    write_error=write_error,
    write_stream_error=write_stream_error,
)
