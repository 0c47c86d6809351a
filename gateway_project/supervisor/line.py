"""One response over the server's protocol, in as few writes as it can be: see `llm.http.direct.Line`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from llm.http.exchange import Header

if TYPE_CHECKING:
    from gateway_project.supervisor.protocol import Protocol

logger = logging.getLogger(__name__)

_PLAIN: Final[Header] = (b"content-type", b"text/plain; charset=utf-8")


class _Nobody:
    """Stands for uvicorn's event that wakes who waits for a message: nobody does."""

    def set(self) -> None: ...


class _Defaults:
    """The server's own headers as bytes; it makes a new list of them each second."""

    def __init__(self) -> None:
        self._of: list[Header] | None = None
        self._made = b""

    def made(self, headers: list[Header]) -> bytes:
        if headers is not self._of:
            self._of, self._made = headers, b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._made


_defaults: Final = _Defaults()


class Line:
    """`message_event`, `response_complete`, `disconnected` and `keep_alive` are what uvicorn's protocol looks at, or
    sets."""

    message_event: Final = _Nobody()

    __slots__ = (
        "_protocol",
        "disconnected",
        "keep_alive",
        "left",
        "response_complete",
        "response_started",
        "task",
    )

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self.disconnected = False
        self.keep_alive = True
        self.response_started = False
        self.response_complete = False
        self.left: list[Callable[[], None]] = []
        self.task: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        return self._protocol.flow.write_paused

    def begin_with(self, answering: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.task = self._protocol.loop.create_task(self._run(answering))
        return self.task

    async def _run(self, answering: Coroutine[Any, Any, None]) -> None:
        try:
            await answering
        except BaseException:  # whatever it is ends this response and no other
            logger.exception("a response failed")
            self._break_off()
        else:
            if not self.response_complete and not self.disconnected:
                logger.error("a response was not finished")
                self._break_off()
        finally:
            self._protocol.tasks.discard(self.task)

    def _break_off(self) -> None:
        if self.disconnected or self.response_complete:
            return
        self.keep_alive = False
        if self.response_started:
            self._close()
        else:
            self.respond(500, [_PLAIN], b"Internal Server Error")

    def respond(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        head = self._head(status, headers)
        if not self.disconnected:
            self.response_started = True
            self._protocol.send(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
            self._end()

    def begin(self, status: int, headers: Iterable[Header]) -> None:
        head = self._head(status, headers)
        if not self.disconnected:
            self.response_started = True
            self._protocol.send(head + b"transfer-encoding: chunked\r\n\r\n")

    def put(self, data: bytes) -> bool:
        if self.disconnected:
            return False
        if data:  # an empty chunk would be the end
            self._protocol.send(b"%x\r\n%b\r\n" % (len(data), data))
        return not self._protocol.flow.write_paused

    async def drained(self) -> None:
        await self._protocol.flow.drain()

    def finish(self) -> None:
        if not self.disconnected:
            self._protocol.send(b"0\r\n\r\n")
            self._end()

    def _head(self, status: int, headers: Iterable[Header]) -> bytes:
        lines = [*map(b": ".join, headers), b""]
        head = b"\r\n".join(lines)
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
            raise RuntimeError("A header of the response holds a line's end.")
        closing = b"" if self.keep_alive else b"connection: close\r\n"
        return STATUS_LINE[status] + _defaults.made(self._protocol.server_state.default_headers) + head + closing

    def _end(self) -> None:
        self.response_complete = True
        if not self.keep_alive:
            self._close()
        self._protocol.on_response_complete()

    def _close(self) -> None:
        self._protocol.flush()
        self._protocol.transport.close()
