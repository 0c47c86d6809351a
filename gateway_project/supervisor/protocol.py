"""uvicorn's HTTP protocol, with a short way for calls beside ASGI's messages.

ASGI tells by a message that a caller has left, for which a task has to wait beside each call: here the request's own
code is told at once. And a call whose request came in one piece, as nearly all do, is handed over whole and answered
over its `Line`; the application says by `direct` that it takes it so. Everything else is as in uvicorn, which sees in
a `Line` the response under way like any of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway_project.supervisor import heads
from gateway_project.supervisor.heads import Heads, Known
from gateway_project.supervisor.line import Line
from llm.http.app import DIRECT
from llm.http.exchange import LEFT
from llm.http.head import Head
from llm.transport import outbox

MOST_HEAD_BYTES: Final = 64 * 1024
"""Of a request's head, of its trailers, and of what stands between two pieces of its body."""

MOST_FIELDS: Final = 256
MOST_GATHERED: Final = 64 * 1024
MOST_WAITING: Final = 8
"""Requests of a connection that may wait for the one that is being answered while it is read on: only of a connection
that is read is it seen that its caller has left."""

_heads: Final = Heads()
_NOTHING: Final[Mapping[bytes, str]] = {}
_OFFER: Final = frozenset({b"upgrade", b"http2-settings"})
_TOO_MUCH: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 28\r\nconnection: close\r\n\r\nThe request's head is large."
)


class _TooMuch(Exception):
    """A head that is larger than we take."""


class Protocol(HttpToolsProtocol):
    """`_body` is that of a request that may turn out to be here whole, None while there is no such request. `_between`
    two requests nothing of the next one has come; `_heading`: its head is not whole. `_made` is the head of the last
    call that was parsed and handed over, `_usual` the last one that is known. `_running` is what is being answered:
    `cycle` is the last that came. `_fed`: bytes since the parser has told anything; `_size`: of the head under way.
    `_offered`: that head offers another protocol."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.outbox = outbox.of(self.loop)
        self.now = self.loop.time
        self._direct = getattr(self.app, "direct", None)
        plain = self._direct is not None and not self.root_path and self.limit_concurrency is None
        self._paths = DIRECT if plain else _NOTHING
        self._body: bytes | None = None
        self._between = True
        self._heading = False
        self._offered = False
        self._fed = self._size = 0
        self._running: Any = None
        self._made: Head | None = None
        self._usual: Known | None = None
        self.gathered = b""
        self._rests_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))  # uvloop's is not derived from it
        self._rests_since = self.loop.time()
        self._look_after(self.timeout_keep_alive)

    # What goes out.

    def send(self, data: bytes) -> None:
        """At the end of this turn of the loop, or at once where it is quiet."""
        if self.gathered:
            self.gathered += data
            if len(self.gathered) > MOST_GATHERED:  # its size must be seen by who waits for the caller to read
                self.flush()
        elif self.outbox.takes(self):
            self.gathered = data
        else:
            self.transport.write(data)

    def flush(self) -> None:
        """See `llm.transport.outbox`. Called too before anything is written past `send`."""
        gathered = self.gathered
        if gathered:
            self.gathered = b""
            if not self.transport.is_closing():
                self.transport.write(gathered)

    # What comes in.

    def data_received(self, data: bytes) -> None:
        if self.gathered:
            self.flush()
        if not self._between or not (self.cycle is None or self.cycle.response_complete):
            self._parse(data)
            return
        usual = self._usual
        start = usual.ends(data) if usual is not None else 0
        if usual is not None and start:
            self._call(usual.head, data[start:])
        else:
            self._look_up(data)

    def _look_up(self, data: bytes) -> None:
        """What does not begin as the last call of this connection did."""
        found = heads.whole(data) if self._paths else None
        if found is None:
            self._parse(data)
            return
        key, start = found
        known = _heads.get(key)
        if known is not None:
            self._usual = known
            self._call(known.head, data[start:])
            return
        self._made = None
        self._parse(data)
        if self._made is not None and self._between:
            self._usual = _heads.add(key, self._made)

    def _parse(self, data: bytes) -> None:
        self._fed += len(data)
        try:
            self._feed(data)
            if self._fed > MOST_HEAD_BYTES:
                raise _TooMuch
        except (httptools.HttpParserError, _TooMuch) as error:
            self._refuse(too_much=isinstance(error.__context__ or error, _TooMuch))
        if self._body is not None:
            self._begin_waiting()

    def _feed(self, data: bytes) -> None:
        """The parser stops behind a head that offers another protocol, and takes its body for that protocol's bytes. We
        speak no other: such a head is parsed once more, without the offer."""
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                data = self._without_offer() + data[stopped.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _without_offer(self) -> bytes:
        fields = []
        for name, value in self.headers:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                value = b", ".join(token for token in tokens if token and token.lower() not in _OFFER)
            if name not in _OFFER:
                fields.append(b"%b: %b\r\n" % (name, value))
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        return b"%b%b\r\n" % (line, b"".join(fields))

    def _refuse(self, *, too_much: bool) -> None:
        """What came is no HTTP, or too much of it: nothing of this connection can be read any more."""
        if self._running is not None and self._running.response_started and not self._running.response_complete:
            self.transport.close()  # in the middle of another's response there is no place for this one
        elif too_much:
            self.transport.write(_TOO_MUCH)
            self.transport.close()
        else:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def eof_received(self) -> None:
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            if isinstance(running, Line):
                self.loop.call_soon(running.task.cancel)  # in its turn: what has not begun could not end
                return
            running.message_event.set()
            for tell in tuple(running.scope[LEFT]):
                tell()

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._between = self._offered = False
        self._heading = True
        self._size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._heading:  # else a trailer: nothing of ours depends on one, and it must not pass for a header
            self._size += len(name) + len(value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._heading = False
        self._fed = 0
        if len(self.headers) > MOST_FIELDS or self._size + len(self.url) > MOST_HEAD_BYTES:
            raise _TooMuch
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("We are no proxy.")
            self._offered = True
        elif self.url in self._paths and self._may_go_direct():
            self._body = b""
        else:
            self._begin()

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        if self._body is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        if self._offered:
            return
        self._between = True
        self._fed = 0
        if self._body is None:
            super().on_message_complete()
            return
        body, self._body = self._body, None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        headers.pop("content-length", None)
        self._made = Head(self._paths[self.url], headers)
        self._call(self._made, body)

    def _call(self, head: Head, body: bytes) -> None:
        assert self._direct is not None
        self._running = line = Line(self, head, body)
        self.cycle = line  # type: ignore[assignment]  # reason: it has what uvicorn looks at
        self._rests_since = None
        line.task = task = self.loop.create_task(line.run(self._direct))
        self.tasks.add(task)

    def _free(self) -> bool:
        """Is no request of this connection still being answered, or waiting for that?"""
        return self.cycle is None or self.cycle.response_complete

    def _may_go_direct(self) -> bool:
        """A plain POST, and none before it is still being answered."""
        parser = self.parser
        return (
            self._free()
            and not self.expect_100_continue
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
        )

    def _begin_waiting(self) -> None:
        """More of the body is to come: that goes by messages, as does whatever has to wait."""
        body, self._body = self._body, None
        if not self.transport.is_closing():
            self._begin()
            if body:
                super().on_body(body)

    def _begin(self) -> None:
        """What uvicorn makes of a request whose head is here."""
        url, headers, expecting = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expecting
        self.headers += headers
        self.scope[LEFT] = []
        super().on_headers_complete()
        if 0 < len(self.pipeline) <= MOST_WAITING:
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._rests_since = None
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    # Between two requests.

    def on_response_complete(self) -> None:
        """As uvicorn's, but for its timer: one for a connection, not one for each request. A head that does not become
        whole is no end of a rest."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if self.flow.read_paused:
            self.flow.resume_reading()
        self._rests_since = self.now()
        if self.timeout_keep_alive_task is None:
            self._look_after(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._rests_since = None

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._rests_since is None:
            return  # the next rest begins a timer again
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_after(left)
        elif not self.transport.is_closing():
            self.flush()
            self.transport.close()

    def _look_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        self.flush()
        super().shutdown()
