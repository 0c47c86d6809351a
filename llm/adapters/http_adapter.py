"""All verbs for every provider that is called over HTTP. A kind is a subclass of a few class attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

import msgspec

from llm.adapters import discretion, surface_answer, upload
from llm.adapters.answer_stream import HttpAnswerStream, Patience, Reading
from llm.adapters.outgoing import NOTHING_RENAMED, build_body, build_surface_body, refuse_dropped
from llm.dialects import hub
from llm.errors import InternalError, UpstreamError, UpstreamMalformed
from llm.spec import COUNT, Dialect, Request, Result, StreamSummary, Target
from llm.transport.base import Answer, Outbound, Stream, Transport

_JSON: Final = "application/json"
_EVENT_STREAM: Final = "text/event-stream"
_ANYTHING: Final = "*/*"
_LONGEST_REFUSAL: Final = 1024 * 1024
_MOST_PREPARED: Final = 64
_URL: Final = "url"  # in a target's `prepared`: where its conversations go
_ONE_CHOICE: Final = frozenset({b"1", b"null"})

_encode: Final = msgspec.json.Encoder().encode


class HttpAdapter(ABC):
    """See `llm.spec.Adapter`.

    Class attributes, in the provider's dialect: `renamed` (see `outgoing.build_body`), `headers` sent where neither
    caller nor operator says otherwise, `passed_on` (headers of a caller of the same dialect that reach the provider),
    `joined` (headers that are lists: the operator's value is added to the caller's, elsewhere it replaces it),
    `usage_is_estimated`, `surfaces` (see `llm.spec.Request`), `also` (further dialects that the provider speaks by
    itself, so that callers of these are passed through).
    """

    dialect: ClassVar[Dialect]
    renamed: ClassVar[Mapping[str, str]] = NOTHING_RENAMED
    headers: ClassVar[Mapping[str, str]] = {}
    passed_on: ClassVar[tuple[str, ...]] = ()
    joined: ClassVar[frozenset[str]] = frozenset()
    usage_is_estimated: ClassVar[bool] = False
    surfaces: ClassVar[frozenset[str]] = frozenset()
    also: ClassVar[frozenset[Dialect]] = frozenset()

    def __init__(self, transport: Transport, *, patience: Patience | None = None) -> None:
        self._transport = transport
        self._patience = patience or Patience()

    @abstractmethod
    def url(self, base_url: str) -> str:
        """Where calls go."""

    def url_of(self, target: Target) -> str:
        """Where this call goes, for kinds whose address depends on more than the base."""
        return self.url(target.base_url)

    def url_of_dialect(self, target: Target, dialect: Dialect) -> str:
        """Where a call in one of the dialects of `also` goes."""
        raise InternalError(f"This kind does not speak '{dialect}'.")

    def parameters_of_dialect(self, parameters: Mapping[str, object], dialect: Dialect) -> Mapping[str, object]:
        """The operator's defaults, which are in the words of the kind's own dialect, in those of one of `also`."""
        raise InternalError(f"This kind does not speak '{dialect}'.")

    def spoken(self, request: Request) -> Dialect:
        """The dialect in which the provider is asked."""
        return request.dialect if request.dialect in self.also else self.dialect

    def body_of(self, request: Request, target: Target) -> tuple[dict[str, object], tuple[str, ...]]:
        """The body in the kind's own dialect, and what was dropped of the request."""
        return build_body(request, target, dialect=self.dialect, renamed=self.renamed)

    def url_of_surface(self, target: Target, surface: str) -> str:
        """Where a call of one of `surfaces` goes."""
        raise InternalError(f"This kind has no surface '{surface}'.")

    @abstractmethod
    def credentials(self, secret: str) -> Mapping[str, str]:
        """The headers that carry the key, names in lower case."""

    async def complete(self, request: Request, target: Target) -> Result:
        spoken = self.spoken(request)
        outbound, dropped = self._outbound(request, target, spoken)
        answer = await self._transport.send(outbound)
        if not 200 <= answer.status < 300:
            raise await self._refusal(answer, target, spoken)
        body = await answer.read()
        try:
            result = self._result(body, request, target, spoken)
        except UpstreamError as error:
            discretion.redact(error, target)
            raise
        result.dropped = dropped
        if self.usage_is_estimated:
            result.usage.estimated = True
        return result

    def _result(self, body: bytes, request: Request, target: Target, spoken: Dialect) -> Result:
        caller = request.dialect
        if spoken == caller:
            return hub.passed_through(body, caller)
        return hub.read_result(body, upstream=spoken, caller=caller, model=target.model_id, asked=request.fields)

    async def stream(self, request: Request, target: Target) -> HttpAnswerStream:
        include_usage = hub.wants_usage(request)
        answer, dropped = await self._send(request, target)
        if not answer.headers.get("content-type", "").lower().startswith(_EVENT_STREAM):
            await answer.aclose()
            raise UpstreamMalformed("The provider's answer to a streamed call is no event stream.")
        summary = StreamSummary()
        codec = hub.open_stream(
            upstream=self.spoken(request),
            caller=request.dialect,
            include_usage=include_usage,
            model=target.model_id,
            summary=summary,
            asked=request.fields,
        )
        reading = Reading(codec, summary, _is_sole(request), self.usage_is_estimated, self._patience)
        return HttpAnswerStream(answer, reading, target, dropped)

    async def relay(self, request: Request, target: Target) -> Result | surface_answer.RelayedBytes:
        if request.surface == COUNT and COUNT not in self.surfaces:
            return surface_answer.estimated_count(request)
        answer, _ = await self._send(request, target)
        found = await surface_answer.read(answer, request.surface, dialect=self.dialect, target=target)
        if isinstance(found, Result):
            found.usage.estimated |= self.usage_is_estimated
        return found

    def serves(self, surface: str) -> bool:
        return surface in self.surfaces or surface == COUNT

    async def _send(self, request: Request, target: Target) -> tuple[Answer, tuple[str, ...]]:
        """An answer whose status is 2xx, and what was dropped of the request; the provider's refusals are raised."""
        spoken = self.spoken(request)
        outbound, dropped = self._outbound(request, target, spoken)
        return await self._exchange(outbound, target, spoken), dropped

    def _outbound(self, request: Request, target: Target, spoken: Dialect) -> tuple[Outbound, tuple[str, ...]]:
        """And what was dropped of the request."""
        headers = self._headers(request, target, spoken)
        dropped: tuple[str, ...] = ()
        if request.surface:
            url = self.url_of_surface(target, request.surface)
            body: bytes | Stream = _surface_body(request, target)
            if request.form is not None:
                headers = {**headers, "content-type": request.form.content_type}
        else:
            url, fields, dropped = self._asked(request, target, spoken)
            if dropped:
                refuse_dropped(request, dropped)
            body = _encode(fields)
        return Outbound("POST", url, headers, body, target.timeouts, target.connection), dropped

    async def _exchange(self, outbound: Outbound, target: Target, dialect: Dialect) -> Answer:
        """An answer whose status is 2xx; the provider's refusals are raised."""
        answer = await self._transport.send(outbound)
        if 200 <= answer.status < 300:
            return answer
        raise await self._refusal(answer, target, dialect)

    def _asked(
        self, request: Request, target: Target, spoken: Dialect
    ) -> tuple[str, dict[str, object], tuple[str, ...]]:
        """Where a conversation goes, its body, and what was dropped of it."""
        if spoken == self.dialect:
            url = target.prepared.get(_URL) or target.prepared.setdefault(_URL, self.url_of(target))
            body, dropped = self.body_of(request, target)
            return url, body, dropped
        fitting = replace(target, parameters=self.parameters_of_dialect(target.parameters, spoken))
        return self.url_of_dialect(target, spoken), *build_body(request, fitting, dialect=spoken)

    def _headers(self, request: Request, target: Target, spoken: Dialect) -> Mapping[str, str]:
        """Made once for a target, and for what a caller's headers say in them."""
        said = None
        if request.headers and request.dialect == spoken:
            said = tuple([request.headers.get(name) for name in self.passed_on])
        key = (request.stream, not request.surface, said)
        made: Mapping[str, str] | None = target.prepared.get(key)
        if made is None:
            if len(target.prepared) >= _MOST_PREPARED:  # callers may write anything
                target.prepared.clear()
            made = target.prepared[key] = self._made_headers(request, target, spoken)
        return made

    def _made_headers(self, request: Request, target: Target, spoken: Dialect) -> dict[str, str]:
        """The operator's headers win over the caller's, these over the dialect's own."""
        accepted = _ANYTHING if request.surface else _JSON
        headers = {"accept": _EVENT_STREAM if request.stream else accepted, **self.headers}
        if target.secret:
            headers.update(self.credentials(target.secret))
        if request.headers and request.dialect == spoken:
            headers.update((name, request.headers[name]) for name in self.passed_on if name in request.headers)
        for name, value in target.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]},{value}" if name in self.joined and name in headers else value
        headers["content-type"] = _JSON
        return headers

    async def _refusal(self, answer: Answer, target: Target, dialect: Dialect) -> UpstreamError:
        try:
            body = await answer.read(_LONGEST_REFUSAL)
        except UpstreamError:
            body = b""  # the status was told, and says enough
        # Before the hub reads it: it shortens messages, and half a key is still one.
        told = discretion.redacted(body.decode(errors="replace"), target).encode()
        return hub.upstream_error(dialect, status=answer.status, headers=answer.headers, body=told)


def _surface_body(request: Request, target: Target) -> bytes | Stream:
    """The caller's body for this target."""
    if request.form is not None:
        return upload.body_of(request.form, target.model_id)
    return _encode(build_surface_body(request, target))


def _is_sole(request: Request) -> bool:
    """A completion has a choice for each of its prompts, and a list of tokens is one prompt: a list may be many."""
    choices, prompt = request.fields.get("n"), request.fields.get("prompt")
    if request.surface and prompt is not None and bytes(prompt).startswith(b"["):
        return False
    return choices is None or bytes(choices) in _ONE_CHOICE
