"""The transport as adapters see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Protocol

import msgspec

from llm.spec import Connection, Timeouts


class Stream(Protocol):
    """A body that is sent while it comes.

    `length` in bytes, to be sent as content-length; None: the body is sent in chunks. Iterated once by one `send`, and
    the next piece (never empty) is asked for only when the connection can take it: back-pressure is the transport's
    work. A GatewayError of the iterator ends the request, unfinished and with its connection, and is what `send`
    raises. `send` may return before the body's end, when the provider answers that early; closing the answer then ends
    the sending.
    """

    @property
    def length(self) -> int | None: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Outbound(msgspec.Struct):
    """One HTTP request to a provider. `repr` shows neither headers nor body: they hold keys and prompts. The same
    headers may be given again, and what is made of them is kept: they must not change."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | Stream
    timeouts: Timeouts = Timeouts()
    connection: Connection = Connection()

    def __repr__(self) -> str:
        return f"Outbound({self.method} {self.url})"


class Answer(Protocol):
    """A provider's answer whose head has come, whatever its status. Header names are lower case.

    Read it whole, or in pieces and then (always) close it: closing an answer that was not read to its end closes its
    connection, so that no rest of it can reach another call.
    """

    status: int

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """The whole body; UpstreamMalformed past `limit` bytes. Whatever comes of it, the answer is closed then."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces as they come; UpstreamUnreachable where it is cut, UpstreamTimeout where it stalls."""
        ...

    async def flow(self, take: Callable[[bytes], bool]) -> None:
        """Gives each piece to `take` as it comes, without waking a task for it, and returns where that has an end:
        `take` has said False, the body is whole, cut or late, or cannot be read so. Then go on with `chunks`; every
        piece that `take` got counts as read. `take` must not raise."""
        ...

    def aclose(self) -> Coroutine[Any, Any, None]: ...


class Waited(Protocol):
    """Where the seconds are summed up that somebody has waited."""

    waited: float


class Transport(Protocol):
    """Raises UpstreamUnreachable, UpstreamTimeout or UpstreamMalformed, and what a `Stream` raises; nothing else."""

    async def send(self, outbound: Outbound) -> Answer: ...

    async def aclose(self) -> None: ...


class SelfMetering(Transport, Protocol):
    """A transport that knows by itself how long it waits."""

    def metered(
        self, outbound: Outbound, waited: Waited, monotonic: Callable[[], float]
    ) -> Coroutine[Any, Any, Answer] | None:
        """As `send`; it and its answer add to `waited`, in seconds of `monotonic`. None: for this request it cannot."""
        ...
