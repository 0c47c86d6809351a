"""What the hub has to know of one dialect. A new dialect is one more `Grammar`, and one more row in `hub`; one that
no request is translated to is a `CallerSide` only."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

import msgspec

from llm.dialects.neutral import Answer, Conversation, StreamEvent
from llm.dialects.rejection import upstream_error
from llm.dialects.sse import Frame
from llm.errors import GatewayError, UpstreamError
from llm.spec import FinishReason, Request, StreamSummary, Usage

Body: TypeAlias = dict[str, object]


def random_id() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a translated answer takes from outside of the provider's answer: the model's name where the provider
    names none, the clock (seconds since 1970) and the source of ids. `asked` is the caller's own body (see
    `llm.spec.Request.fields`), for dialects whose answers repeat it."""

    model: str
    clock: Callable[[], float] = time.time
    new_id: Callable[[], str] = random_id
    asked: Mapping[str, msgspec.Raw] = field(default_factory=dict)


class Relay(Protocol):
    """Watches a stream that goes to a caller of the same dialect.

    `frame` gives what the caller gets (b"": withheld) and keeps `summary` up to date. `complete`: nothing more is to
    come. `owed`: what the provider left out at its end; UpstreamMalformed where the answer is not finished.

    `plain`: are these bytes one event out of the answer's middle, that goes to the caller as it came and after which
    nothing is different? Only where that is sure at a glance; such an event need not be given to `frame`. `said` counts
    those of them that said something (see `llm.dialects.doubt`).
    """

    complete: bool
    said: int = 0

    def plain(self, data: bytes) -> bool:
        return False

    def frame(self, frame: Frame) -> bytes: ...

    def owed(self) -> bytes: ...


class StreamReader(Protocol):
    """Reads a provider's stream into the hub's events; `summary` is kept up to date. `end` is called once, when the
    stream is `complete` or its bytes are at their end; UpstreamMalformed where the answer is not finished."""

    complete: bool

    def read(self, frame: Frame) -> Sequence[StreamEvent]: ...

    def end(self) -> Sequence[StreamEvent]: ...


class StreamWriter(Protocol):
    """Writes the hub's events as server-sent events of one dialect."""

    def write(self, event: StreamEvent) -> bytes: ...


class RequestWriter(Protocol):
    """Gives the body without model and stream, and the names of what the dialect cannot carry."""

    def __call__(
        self, conversation: Conversation, *, default_max_tokens: int | None
    ) -> tuple[Body, tuple[str, ...]]: ...


class ErrorWriter(Protocol):
    def __call__(self, error: GatewayError, request_id: str) -> bytes: ...


class StreamErrorWriter(Protocol):
    """`after`: the last bytes that the caller got, whole events, for dialects that number them; b"" for none."""

    def __call__(self, error: GatewayError, request_id: str, after: bytes) -> bytes: ...


class UpstreamErrorReader(Protocol):
    """Reads a provider's answer that is not 2xx. `headers` have lower-case names, `body` may be anything, `now` is in
    seconds since 1970."""

    def __call__(
        self, status: int, headers: Mapping[str, str], body: bytes, now: Callable[[], float]
    ) -> UpstreamError: ...


TURNS: Final = "messages"
"""What a `RequestWriter` names as `param` where it refuses something inside of the turns. Its message begins with the
name, whatever it names: the hub puts the caller's own word there (`llm.dialects.features.callers_word`)."""


def usage_is_always_wanted(request: Request) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerSide:
    """One dialect as callers speak it, and as it passes through to a provider that speaks it too.

    inspect_answer: usage and finish reason of a provider's whole answer, its body untouched.
    wants_usage: did the caller ask for the usage of a stream? In most dialects it need not.
    said: how much of an answer the data of one event holds (see `llm.dialects.said`).
    """

    read_request: Callable[[Request], Conversation]
    write_answer: Callable[[Answer, Outside], bytes]
    writer: Callable[[Outside, bool], StreamWriter]
    write_error: ErrorWriter
    write_stream_error: StreamErrorWriter
    upstream_body: Callable[[Request], dict[str, msgspec.Raw | object]]
    inspect_answer: Callable[[bytes], tuple[Usage, FinishReason]]
    relay: Callable[[StreamSummary, bool], Relay]
    said: Callable[[bytes], int | None]
    wants_usage: Callable[[Request], bool] = usage_is_always_wanted
    upstream_error: UpstreamErrorReader = upstream_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar(CallerSide):
    """One dialect, both ways: requests of other dialects can be translated to it too."""

    write_request: RequestWriter
    read_answer: Callable[[bytes, Outside], Answer]
    reader: Callable[[StreamSummary, Outside], StreamReader]
