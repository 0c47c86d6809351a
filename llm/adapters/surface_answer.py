"""A provider's answer of a surface: read whole where it is text, else passed on piece by piece.

Nothing of it is changed. Of JSON the usage is read, and an error that came with a status of 2xx.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec

from llm.adapters import discretion
from llm.dialects import hub
from llm.dialects.anthropic_messages import count
from llm.dialects.fields import BAD_JSON
from llm.errors import UpstreamError, UpstreamMalformed
from llm.spec import Dialect, Request, Result, StreamSummary, Target, Usage
from llm.transport.base import Answer

_JSON: Final = "application/json"
_EVENT_STREAM: Final = "text/event-stream"
_BYTES: Final = "application/octet-stream"
# These answer in JSON whatever happens.
_IN_JSON: Final = frozenset({"embeddings", "moderations", "rerank", "completions"})


# Past this it is no count of one call, and no number that a record can hold.
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class _Glance(msgspec.Struct):
    """What is looked at: raw, since a provider may write anything here."""

    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Tokens(msgspec.Struct):
    """Embeddings and completions count prompt tokens, images and transcriptions input tokens, rerankers the total."""

    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    total_tokens: _Count | None = None


_glance: Final = msgspec.json.Decoder(_Glance).decode
_tokens: Final = msgspec.json.Decoder(_Tokens).decode


class RelayedBytes:
    """See `llm.spec.RelayedStream`. The answer is over when its transfer is: only the transport can tell a cut."""

    def __init__(self, answer: Answer, target: Target, content_type: str) -> None:
        self.summary = StreamSummary()
        self.dropped: tuple[str, ...] = ()
        self.content_type = content_type
        self._answer = answer
        self._pieces = answer.chunks()
        self._target = target
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._pieces)
        except BaseException as error:
            if isinstance(error, UpstreamError):
                discretion.redact(error, self._target)
            await self.aclose()
            raise

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            await self._answer.aclose()


def estimated_count(request: Request) -> Result:
    """The answer to a wish for a count where the provider cannot count; the caller is told that it is an estimate."""
    tokens = count.estimate(count.read_count_request(request))
    return Result(count.write_count(tokens), Usage(), "unknown", dropped=("count_tokens.exact",))


async def read(answer: Answer, surface: str, *, dialect: Dialect, target: Target) -> Result | RelayedBytes:
    """The answer (2xx) for the caller. UpstreamMalformed for a page, or for what should be JSON and is none."""
    content_type = answer.headers.get("content-type", "") or _BYTES
    kind = content_type.partition(";")[0].strip().lower()
    in_json = kind == _JSON or surface in _IN_JSON
    if not in_json and (kind == _EVENT_STREAM or not kind.startswith("text/")):
        return RelayedBytes(answer, target, content_type)
    try:
        body = await answer.read()
    finally:
        await answer.aclose()
    if kind == "text/html":
        raise UpstreamMalformed("The provider's answer is a page.")
    usage = _usage(body, dialect, target) if in_json else Usage()
    return Result(body, usage, "unknown", content_type=_JSON if surface in _IN_JSON else content_type)


def _usage(body: bytes, dialect: Dialect, target: Target) -> Usage:
    try:
        glance = _glance(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no JSON object.") from error
    if bytes(glance.error) != b"null":
        told = discretion.redacted(body.decode(errors="replace"), target).encode()
        raise hub.upstream_error(dialect, status=502, headers={}, body=told)
    try:
        tokens = _tokens(glance.usage)
    except BAD_JSON:
        return Usage()  # none, or counted in something else: audio in seconds
    known = tokens.prompt_tokens or tokens.input_tokens or 0
    made = tokens.completion_tokens or tokens.output_tokens or 0
    return Usage(input_tokens=max(known or (tokens.total_tokens or 0) - made, 0), output_tokens=made)
