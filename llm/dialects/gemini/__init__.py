"""Gemini's generateContent and streamGenerateContent?alt=sse, both ways."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.gemini.error import upstream_error, write_error, write_stream_error
from llm.dialects.gemini.relay import GeminiRelay
from llm.dialects.gemini.request_in import read_request
from llm.dialects.gemini.request_out import write_request
from llm.dialects.gemini.result import inspect_answer, read_answer, write_answer
from llm.dialects.gemini.said import said
from llm.dialects.gemini.stream_in import GeminiReader
from llm.dialects.gemini.stream_out import GeminiWriter
from llm.dialects.grammar import Grammar
from llm.spec import Request


def upstream_body(request: Request) -> dict[str, msgspec.Raw | object]:
    """The caller's own fields, and `stream` as in every body of the hub (`address.split` takes it out again)."""
    return {**request.fields, "stream": request.stream}


GRAMMAR: Final = Grammar(
    read_request=read_request,
    write_request=write_request,
    inspect_answer=inspect_answer,
    read_answer=read_answer,
    write_answer=write_answer,
    relay=GeminiRelay,
    reader=GeminiReader,
    said=said,
    writer=GeminiWriter,
    upstream_body=upstream_body,
    write_error=write_error,
    write_stream_error=write_stream_error,
    upstream_error=upstream_error,
)
