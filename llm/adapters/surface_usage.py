"""What is read of a surface's JSON: the tokens that it counts, and an error that came with a status of 2xx."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from llm.adapters import discretion
from llm.dialects import hub
from llm.dialects.fields import BAD_JSON
from llm.errors import UpstreamError
from llm.spec import Dialect, Target, Usage

# Past this it is no count of one call, and no number that a record can hold.
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class Glance(msgspec.Struct):
    """What is looked at: raw, since a provider may write anything here."""

    type: msgspec.Raw = msgspec.Raw(b"null")
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def failed(self) -> bool:
        return bytes(self.error) != b"null" or bytes(self.type) == b'"error"'


class _Tokens(msgspec.Struct):
    """Embeddings and completions count prompt tokens, images and transcriptions input tokens, rerankers the total."""

    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    total_tokens: _Count | None = None


_tokens: Final = msgspec.json.Decoder(_Tokens).decode
glance: Final = msgspec.json.Decoder(Glance).decode
"""Raises one of BAD_JSON where the bytes are no JSON object."""


def usage(raw: msgspec.Raw) -> Usage | None:
    """None where there is no usage, or one that is counted in something else: audio in seconds."""
    try:
        tokens = _tokens(raw)
    except BAD_JSON:
        return None
    known = tokens.prompt_tokens or tokens.input_tokens or 0
    made = tokens.completion_tokens or tokens.output_tokens or 0
    return Usage(input_tokens=max(known or (tokens.total_tokens or 0) - made, 0), output_tokens=made)


def error_of(body: bytes, dialect: Dialect, target: Target) -> UpstreamError:
    """The error that the provider tells in `body`, without what must not be told."""
    told = discretion.redacted(body.decode(errors="replace"), target).encode()
    return hub.upstream_error(dialect, status=502, headers={}, body=told)
