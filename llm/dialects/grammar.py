"""What the hub has to know of one dialect. A new dialect is one more `Grammar`, and one more row in `hub`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec

from llm.dialects.neutral import Answer, Conversation, StreamEvent
from llm.dialects.sse import Frame
from llm.errors import GatewayError
from llm.spec import FinishReason, Request, StreamSummary, Usage

Body: TypeAlias = dict[str, object]


def random_id() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a translated answer takes from outside of the provider's answer: the model's name where the provider
    names none, the clock (seconds since 1970) and the source of ids."""

    model: str
    clock: Callable[[], float] = time.time
    new_id: Callable[[], str] = random_id


class Relay(Protocol):
    """Watches a stream that goes to a caller of the same dialect.

    `frame` gives what the caller gets (b"": withheld) and keeps `summary` up to date. `complete`: nothing more is to
    come. `owed`: what the provider left out at its end; UpstreamMalformed where the answer is not finished.
    """

    complete: bool

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


@dataclass(frozen=True, slots=True)
class Grammar:
    """One dialect, both ways.

    inspect_answer: usage and finish reason of a provider's whole answer, its body untouched.
    read_error: an error object inside a 2xx answer or a stream.
    """

    read_request: Callable[[Request], Conversation]
    write_request: RequestWriter
    inspect_answer: Callable[[bytes], tuple[Usage, FinishReason]]
    read_answer: Callable[[bytes, Outside], Answer]
    write_answer: Callable[[Answer, Outside], bytes]
    relay: Callable[[StreamSummary, bool], Relay]
    reader: Callable[[StreamSummary, Outside], StreamReader]
    writer: Callable[[Outside, bool], StreamWriter]
    upstream_body: Callable[[Request], dict[str, msgspec.Raw | object]]
    write_error: ErrorWriter
    write_stream_error: ErrorWriter
