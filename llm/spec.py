"""What crosses the floors of the data plane: the request, the target of one attempt, the answer, and the adapter.

An adapter gets a `Request` in the caller's dialect and gives the answer in that same dialect: where the provider
speaks it the bytes pass through, elsewhere the adapter translates with `llm.dialects`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import msgspec

Dialect = Literal["openai_chat", "openai_responses", "openai_completions", "anthropic_messages", "gemini"]
TransportName = Literal["lean", "aiohttp"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause", "unknown"]

DIALECT_OF_ENDPOINT: Final[Mapping[str, Dialect]] = {
    "chat/completions": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic_messages",
    "generate": "openai_chat",
}


DIALECT_OF_SURFACE: Final[Mapping[str, Dialect]] = {"completions": "openai_completions"}
"""The surfaces that are conversations too: to a kind that does not serve one, its calls go translated from this
dialect."""

COUNT: Final = "messages/count_tokens"
"""The surface that every kind serves: where a provider cannot count, the gateway estimates."""


class Usage(msgspec.Struct, gc=False):
    """Tokens of one call. `input_tokens` includes cached and cache-write tokens, `output_tokens` reasoning tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of one attempt, in seconds. `first_byte` runs from the request's last byte to the answer's first, and in a
    stream from the attempt's beginning to the first event that says something (see `llm.service.guard`); `idle` between
    two pieces of an answer; `total` over the whole attempt."""

    connect: float = 5.0
    first_byte: float = 30.0
    idle: float = 30.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class Connection:
    """How a provider is dialled. Connections are shared between targets with equal `Connection` and origin.

    `verify`: True, False, or the path of a CA bundle. `allow_private`: may loopback and private addresses be dialled
    (link-local and metadata addresses never are). `transport`: see `llm.transport`.
    """

    verify: bool | str = True
    proxy: str | None = field(default=None, repr=False)
    allow_private: bool = False
    max_connections: int = 200
    transport: TransportName = "lean"


@dataclass(frozen=True, slots=True)
class Target:
    """Where one attempt goes: one model of one provider with one key. `repr` never shows the key.

    `options` are the connection parameters that are the kind's own (see `Kind.options`); no part of a body.
    `prepared` is for what an adapter makes of it once: many calls have the same target.
    """

    provider_id: str
    kind: str
    base_url: str
    model_id: str
    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra_body: Mapping[str, object] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, object] = field(default_factory=dict)
    max_tokens: int | None = None
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    timeouts: Timeouts = Timeouts()
    connection: Connection = Connection()
    prepared: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)


class Rest(Protocol):
    """The rest of a body that is still on its way from the caller, read by iterating and no sooner.

    `length` in bytes, None where the caller has not told it. Once it has been iterated it can be again, from its first
    byte, only while it is `replayable`. Raises a CallerError where the body turns out wrong, CallCancelled where the
    caller leaves in the middle of it.
    """

    @property
    def length(self) -> int | None: ...

    @property
    def replayable(self) -> bool: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart/form-data body without the value of its field `model`; `content_type` holds the boundary. `rest` is
    what comes behind `after`, if that is not all."""

    content_type: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    rest: Rest | None = field(default=None, repr=False)


class Request(msgspec.Struct):
    """One call as its door read it.

    `fields` is the body's top level with every value as its raw JSON bytes, untouched; `model` is what the caller
    wrote. `headers` are the caller's headers that may matter upstream (lower case: anthropic-version, anthropic-beta,
    openai-organization...). `strict`: nothing of it may be dropped (see `llm.errors.Unsupported`).

    `surface` is "" for a conversation. Else it is the path below the base of a provider that speaks `dialect`
    (embeddings, audio/speech ...): only such a provider serves it, and little but the model is changed. `form` is its
    body where that is no JSON.
    """

    dialect: Dialect
    model: str
    fields: dict[str, msgspec.Raw]
    stream: bool = False
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    surface: str = ""
    form: Form | None = None
    strict: bool = False

    @property
    def repeatable(self) -> bool:
        """Can it be sent to another provider? Not where a part of it is gone."""
        return self.form is None or self.form.rest is None or self.form.rest.replayable


class Result(msgspec.Struct):
    """A whole answer. `body` is JSON in the request's dialect, or what `content_type` says of a relayed answer;
    `dropped` names the request's features that the provider's dialect cannot carry."""

    body: bytes
    usage: Usage
    finish_reason: FinishReason
    dropped: tuple[str, ...] = ()
    content_type: str = "application/json"


class StreamSummary(msgspec.Struct, gc=False):
    """What a stream has told so far; the service reads it when the stream ends, however it ends.

    `finished` is true once the provider's own end of the answer was seen (a finish reason or message_stop).
    """

    usage: Usage = msgspec.field(default_factory=Usage)
    finish_reason: FinishReason = "unknown"
    finished: bool = False


class AnswerStream(Protocol):
    """An answer under way. Iterating gives bytes in the request's dialect, whole server-sent events at a time.

    The iterator ends only after a complete answer; else it raises a GatewayError, and the door tells the caller
    in-band. `aclose` ends the upstream call at once and may be called at any time, also twice.
    """

    summary: StreamSummary
    dropped: tuple[str, ...]

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Flowing(Protocol):
    """An `AnswerStream` whose pieces need not be waited for one by one.

    `flow` gives each to `take` as it comes and returns where that has an end: `take` has said False, or the answer is
    about to finish, or has failed. Then iterate on: the piece with which it finishes comes only there. `take` must not
    raise.
    """

    async def flow(self, take: Callable[[bytes], bool]) -> None: ...


class RelayedStream(AnswerStream, Protocol):
    """An answer of a surface that is passed on as it comes: its pieces are bytes of `content_type`, cut anywhere."""

    content_type: str


class Adapter(Protocol):
    """One kind of provider. One instance serves all its targets.

    The verbs raise a GatewayError (an UpstreamError for all that the provider does; Unsupported, before anything is
    sent, where a `strict` request would lose something). `stream` returns when the
    provider's answer has begun (status 2xx), so that a refusal can still be retried elsewhere; so does `relay`, which
    is for requests with a `surface`, where the answer is none that has to be read whole. `serves` tells which
    surfaces the kind has.
    """

    async def complete(self, request: Request, target: Target) -> Result: ...

    async def stream(self, request: Request, target: Target) -> AnswerStream: ...

    async def relay(self, request: Request, target: Target) -> Result | RelayedStream: ...

    def serves(self, surface: str) -> bool: ...
