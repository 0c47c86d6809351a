"""OpenAI's older completions, for callers: a prompt goes to any provider as one turn of the user.

No request is translated to this dialect. Its streams, errors and usage are those of chat completions but for the
shape of a choice, so what passes through is watched by the same code.
"""

from __future__ import annotations

from typing import Final

from llm.dialects.grammar import CallerSide
from llm.dialects.openai_chat.error import write_error, write_stream_error
from llm.dialects.openai_chat.relay import ChatRelay
from llm.dialects.openai_chat.result import inspect_answer
from llm.dialects.openai_chat.said import said
from llm.dialects.openai_chat.stream_options import upstream_body, wants_usage
from llm.dialects.openai_completions.request_in import read_request
from llm.dialects.openai_completions.result import write_answer
from llm.dialects.openai_completions.stream_out import CompletionsWriter

CALLER_SIDE: Final = CallerSide(
    read_request=read_request,
    write_answer=write_answer,
    said=said,
    writer=CompletionsWriter,
    write_error=write_error,
    write_stream_error=write_stream_error,
    upstream_body=upstream_body,
    inspect_answer=inspect_answer,
    relay=ChatRelay,
    wants_usage=wants_usage,
)
