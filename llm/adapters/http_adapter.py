"""Both verbs for every provider that is called over HTTP. A kind is a subclass of a few class attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec

from llm.adapters import discretion
from llm.adapters.answer_stream import HttpAnswerStream, Patience, Reading
from llm.adapters.outgoing import NOTHING_RENAMED, build_body
from llm.dialects import hub
from llm.errors import UpstreamError, UpstreamMalformed
from llm.spec import Dialect, Request, Result, StreamSummary, Target
from llm.transport.base import Answer, Outbound, Transport

_JSON: Final = "application/json"
_EVENT_STREAM: Final = "text/event-stream"
_LONGEST_REFUSAL: Final = 1024 * 1024
_ONE_CHOICE: Final = frozenset({b"1", b"null"})

_encode: Final = msgspec.json.Encoder().encode


class HttpAdapter(ABC):
    """See `llm.spec.Adapter`.

    Class attributes, in the provider's dialect: `renamed` (see `outgoing.build_body`), `headers` sent where neither
    caller nor operator says otherwise, `passed_on` (headers of a caller of the same dialect that reach the provider),
    `joined` (headers that are lists: the operator's value is added to the caller's, elsewhere it replaces it),
    `usage_is_estimated`.
    """

    dialect: ClassVar[Dialect]
    renamed: ClassVar[Mapping[str, str]] = NOTHING_RENAMED
    headers: ClassVar[Mapping[str, str]] = {}
    passed_on: ClassVar[tuple[str, ...]] = ()
    joined: ClassVar[frozenset[str]] = frozenset()
    usage_is_estimated: ClassVar[bool] = False

    def __init__(self, transport: Transport, *, patience: Patience | None = None) -> None:
        self._transport = transport
        self._patience = patience or Patience()

    @abstractmethod
    def url(self, base_url: str) -> str:
        """Where calls go."""

    @abstractmethod
    def credentials(self, secret: str) -> Mapping[str, str]:
        """The headers that carry the key, names in lower case."""

    async def complete(self, request: Request, target: Target) -> Result:
        answer, dropped = await self._send(request, target)
        try:
            body = await answer.read()
        finally:
            await answer.aclose()
        try:
            result = hub.read_result(body, upstream=self.dialect, caller=request.dialect, model=target.model_id)
        except UpstreamError as error:
            discretion.redact(error, target)
            raise
        result.dropped = dropped
        result.usage.estimated |= self.usage_is_estimated
        return result

    async def stream(self, request: Request, target: Target) -> HttpAnswerStream:
        include_usage = hub.wants_usage(request)
        answer, dropped = await self._send(request, target)
        if not answer.headers.get("content-type", "").lower().startswith(_EVENT_STREAM):
            await answer.aclose()
            raise UpstreamMalformed("The provider's answer to a streamed call is no event stream.")
        summary = StreamSummary()
        codec = hub.open_stream(
            upstream=self.dialect,
            caller=request.dialect,
            include_usage=include_usage,
            model=target.model_id,
            summary=summary,
        )
        reading = Reading(codec, summary, _is_sole(request), self.usage_is_estimated, self._patience)
        return HttpAnswerStream(answer, reading, target, dropped)

    async def _send(self, request: Request, target: Target) -> tuple[Answer, tuple[str, ...]]:
        """An answer whose status is 2xx, and what was dropped of the request; the provider's refusals are raised."""
        body, dropped = build_body(request, target, dialect=self.dialect, renamed=self.renamed)
        outbound = Outbound(
            method="POST",
            url=self.url(target.base_url),
            headers=self._headers(request, target),
            body=_encode(body),
            timeouts=target.timeouts,
            connection=target.connection,
        )
        answer = await self._transport.send(outbound)
        if 200 <= answer.status < 300:
            return answer, dropped
        raise await self._refusal(answer, target)

    def _headers(self, request: Request, target: Target) -> dict[str, str]:
        """The operator's headers win over the caller's, these over the dialect's own."""
        headers = {"accept": _EVENT_STREAM if request.stream else _JSON, **self.headers}
        if target.secret:
            headers.update(self.credentials(target.secret))
        if request.headers and request.dialect == self.dialect:
            headers.update((name, request.headers[name]) for name in self.passed_on if name in request.headers)
        for name, value in target.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]},{value}" if name in self.joined and name in headers else value
        headers["content-type"] = _JSON
        return headers

    async def _refusal(self, answer: Answer, target: Target) -> UpstreamError:
        try:
            body = await answer.read(_LONGEST_REFUSAL)
        except UpstreamError:
            body = b""  # the status was told, and says enough
        finally:
            await answer.aclose()
        # Before the hub reads it: it shortens messages, and half a key is still one.
        told = discretion.redacted(body.decode(errors="replace"), target).encode()
        return hub.upstream_error(self.dialect, status=answer.status, headers=answer.headers, body=told)


def _is_sole(request: Request) -> bool:
    choices = request.fields.get("n")
    return choices is None or bytes(choices) in _ONE_CHOICE
