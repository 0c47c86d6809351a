"""A call that the server hands over whole, and its response in as few writes as it can be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from llm.http.exchange import Exchange
from llm.http.head import Head
from llm.http.incoming import Incoming

if TYPE_CHECKING:
    from gateway_project.supervisor.protocol import Protocol

logger = logging.getLogger(__name__)

_FAILED: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 21\r\nconnection: close\r\n\r\nInternal Server Error"
)
_CLOSING: Final = b"connection: close\r\n"


class _Nobody:
    """Stands for uvicorn's event that wakes who waits for a message: nobody does."""

    def set(self) -> None: ...


class _Beginnings:
    """Status line and the server's own headers, by status. The server makes a new list of its headers each second."""

    def __init__(self) -> None:
        self._of: list[tuple[bytes, bytes]] | None = None
        self._made: dict[int, bytes] = {}

    def made(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._of:
            self._of, self._made = headers, {}
        found = self._made.get(status)
        if found is None:
            found = STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in headers)
            self._made[status] = found
        return found


_beginnings: Final = _Beginnings()


class Line(Exchange):
    """A call and its response. `message_event`, `response_complete`, `disconnected` and `keep_alive` are what uvicorn's
    protocol looks at, or sets. To a caller that has gone all goes nowhere."""

    message_event: Final = _Nobody()

    __slots__ = ("_protocol", "disconnected", "keep_alive", "response_complete", "since", "task")

    def __init__(self, protocol: Protocol, head: Head, body: bytes) -> None:
        Exchange.__init__(self, head, body)
        self._protocol = protocol
        self.disconnected = self.response_complete = False
        self.keep_alive = True
        self.since = 0.0
        self.task: asyncio.Task[None] | None = None

    @property
    def left(self) -> bool:
        return self.disconnected

    @property
    def response_started(self) -> bool:
        return self.started

    async def run(self, direct: Callable[[Exchange], Coroutine[Any, Any, None]]) -> None:
        """The whole of `task`."""
        try:
            await direct(self)
            if not self.response_complete and not self.disconnected:
                logger.error("a response was not finished")
                self._break_off()
        except BaseException as error:  # whatever it is ends this response and no other
            if not (self.disconnected and isinstance(error, asyncio.CancelledError)):
                logger.exception("a response failed")
                self._break_off()
        finally:
            self._protocol.tasks.discard(self.task)

    def _break_off(self) -> None:
        if self.disconnected or self.response_complete:
            return
        self.keep_alive = False
        if self.started:
            self._close()
        else:
            self.started = True
            self._protocol.send(_FAILED)
            self._end()

    def incoming(self, limit: int) -> Incoming:
        raise AssertionError("the body is here")

    async def respond(self, status: int, lines: bytes, body: bytes) -> None:
        protocol = self._protocol
        if protocol.flow.write_paused:
            await self._drained()
        if self.disconnected:
            return
        protocol.send(b"%bcontent-length: %d\r\n\r\n%b" % (self._head(status, lines), len(body), body))
        self._end()

    async def start(self, status: int, lines: bytes) -> None:
        protocol = self._protocol
        if protocol.flow.write_paused:
            await self._drained()
        if self.disconnected:
            return
        protocol.send(self._head(status, lines) + b"transfer-encoding: chunked\r\n\r\n")

    def _head(self, status: int, lines: bytes) -> bytes:
        """But for how long the body is: a response begins."""
        self.started = True
        begun = _beginnings.made(status, self._protocol.server_state.default_headers)
        return begun + lines if self.keep_alive else begun + lines + _CLOSING

    async def piece(self, data: bytes) -> None:
        if not self.put(data):
            await self._drained()

    def put(self, data: bytes) -> bool:
        """Called for each event of a stream: what `send` does stands here once more."""
        if self.disconnected:
            return False
        protocol = self._protocol
        self.since = protocol.now()
        if data:  # an empty chunk would be the end
            chunk = b"%x\r\n%b\r\n" % (len(data), data)
            if protocol.gathered:
                protocol.send(chunk)
            elif protocol.outbox.takes(protocol):
                protocol.gathered = chunk
            else:
                protocol.transport.write(chunk)
        return not protocol.flow.write_paused

    async def _drained(self) -> None:
        await self._protocol.flow.drain()
        self.since = self._protocol.now()

    async def finish(self) -> None:
        if not self.disconnected:
            self._protocol.send(b"0\r\n\r\n")
            self._end()

    def _end(self) -> None:
        self.response_complete = True
        if not self.keep_alive:
            self._close()
        self._protocol.on_response_complete()

    def _close(self) -> None:
        self._protocol.flush()
        self._protocol.transport.close()
