"""A provider's answer of a surface: read whole where it is text, else passed on piece by piece.

Nothing of it is changed. Of JSON and of events the usage is read, and an error that came with a status of 2xx.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from llm.adapters import discretion, surface_usage
from llm.adapters.surface_events import EventWatch
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


class RelayedBytes:
    """See `llm.spec.RelayedStream`. The answer is over when its transfer is: only the transport can tell a cut. Events
    are watched under way; an error that one of them tells is passed on, and raised at the end."""

    def __init__(self, answer: Answer, target: Target, content_type: str, *, events_of: Dialect | None = None) -> None:
        self.summary = StreamSummary()
        self.dropped: tuple[str, ...] = ()
        self.content_type = content_type
        self._answer = answer
        self._pieces = answer.chunks()
        self._target = target
        self._watch = EventWatch(self.summary, events_of, target) if events_of else None
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._next()
        except BaseException as error:
            if isinstance(error, UpstreamError):
                discretion.redact(error, self._target)
            await self.aclose()
            raise

    async def _next(self) -> bytes:
        piece = await anext(self._pieces, None)
        watch = self._watch
        if piece is not None:
            if watch is not None:
                watch.feed(piece)
            return piece
        if watch is not None:
            watch.end()
            if watch.error is not None:
                raise watch.error
        raise StopAsyncIteration

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
        return RelayedBytes(answer, target, content_type, events_of=dialect if kind == _EVENT_STREAM else None)
    body = await answer.read()
    if kind == "text/html":
        raise UpstreamMalformed("The provider's answer is a page.")
    usage = _usage(body, dialect, target) if in_json else Usage()
    return Result(body, usage, "unknown", content_type=_JSON if surface in _IN_JSON else content_type)


def _usage(body: bytes, dialect: Dialect, target: Target) -> Usage:
    try:
        seen = surface_usage.glance(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no JSON object.") from error
    if bytes(seen.error) != b"null":
        raise surface_usage.error_of(body, dialect, target)
    return surface_usage.usage(seen.usage) or Usage()
