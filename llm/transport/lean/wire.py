"""One connection: bytes out, an HTTP/1.1 answer in, one exchange at a time.

Bytes that no exchange asked for, and all that is no plain HTTP, end the connection: an answer can never reach another
call than its own.
"""

from __future__ import annotations

import asyncio
import select
import socket
from typing import Final, Protocol, cast

import httptools

from llm.errors import UpstreamError
from llm.transport import failures, outbox
from llm.transport.lean import tls
from llm.transport.lean.exchange import Exchange, NotActedOn
from llm.transport.lean.inflate import inflater

MAX_FIELD_BYTES: Final = 16 * 1024
MAX_HEAD_BYTES: Final = 128 * 1024
MAX_HEADERS: Final = 128
KEEP_ALIVE: Final = 15.0
"""Seconds that an idle connection is kept, unless the provider says less."""

MAX_AGE: Final = 300.0
"""Seconds after which a connection is not used again: a name may lead elsewhere by then."""

_MARGIN: Final = 1.0  # before the provider's own end of an idle connection
_JOINED: Final = 256 * 1024  # bytes of a body that are copied behind its head: cheaper than a write of its own
_TOLD: Final = frozenset({10, 14, 16, 17})  # lengths of the names that are looked at
_NO_BODY: Final = frozenset({204, 304})


class Owner(Protocol):
    """Where connections come from and go back to."""

    def give_back(self, wire: Wire) -> None: ...

    def lost(self, wire: Wire) -> None: ...


class Wire(asyncio.Protocol):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.paused = False
        self.idle_since = self.born = loop.time()
        self.keep_alive = KEEP_ALIVE
        self._loop = loop
        self._owner: Owner | None = None
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._pieces: list[bytes] = []  # of a body, out of the bytes that are being parsed
        self.on_body = self._pieces.append  # for the parser, which makes no Python call for it then
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._used = False
        self._writing = False
        self._gathered = b""  # a request that has not been given to the transport yet
        self._uploading = False
        self._outbox = outbox.of(loop)
        self._flushed: asyncio.Future[None] | None = None
        self._begin()

    def _begin(self) -> None:
        self._raw: list[tuple[bytes, bytes]] = []
        self._encoding = b""
        self._fed = self._own = 0
        self._framed = self._headed = self._interim = self._done = self._surplus = self._keep = False

    # What the pool does.

    def adopt(self, owner: Owner) -> bool:
        """False for a connection that was lost, or spoke unasked, before anybody could own it."""
        if self._transport is None or self._transport.is_closing() or self._surplus:
            return False
        self._owner = owner
        return True

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def usable(self, now: float) -> bool:
        """Whether a kept connection may be used again: it is young, and nothing has come that nobody asked for. Where
        its end was there before the first byte is written, no provider can have begun to work."""
        transport = self._transport
        if transport is None or transport.is_closing() or now - self.born > MAX_AGE:
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._poll.poll(0)

    def start(self, exchange: Exchange, head: bytes, body: bytes, uploading: bool = False) -> None:
        """Sends a request whose answer goes to `exchange`. `head` is whole. `uploading`: more of the body is to come by
        `put`, and `uploaded` says that it is whole."""
        self._begin()
        self._uploading = uploading
        self._exchange = exchange
        exchange.source = self
        transport = self._transport
        assert transport is not None
        if len(body) > _JOINED:
            transport.write(head)  # not writelines(): asyncio's joins, or (3.12.0 to .8) tells of no full buffer
            transport.write(body)
        elif not uploading and self._outbox.takes(self):
            self._gathered = head + body
            return
        else:
            transport.write(head + body)
        if not self._writing and not uploading:
            exchange.sent()

    def flush(self) -> None:
        """See `llm.transport.outbox`. What cannot be written stays: by it `connection_lost` knows that nothing was."""
        transport = self._transport
        if self._gathered and transport is not None and not transport.is_closing():
            gathered, self._gathered = self._gathered, b""
            transport.write(gathered)
            if not self._writing and self._exchange is not None:
                self._exchange.sent()

    def carries(self, exchange: Exchange) -> bool:
        return self._exchange is exchange and self._transport is not None and not self._transport.is_closing()

    def put(self, piece: bytes) -> None:
        self.transport.write(piece)

    def uploaded(self) -> None:
        self._uploading = False
        if not self._writing and self._exchange is not None:
            self._exchange.sent()

    async def flushed(self) -> None:
        """Returns once the operating system has taken what was written."""
        if self._writing and self._transport is not None:
            self._flushed = self._loop.create_future()
            await self._flushed

    # What the exchange does.

    def pause(self) -> None:
        self.paused = True
        self.transport.pause_reading()

    def resume(self) -> None:
        self.paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def abort(self) -> None:
        """At once: nothing of this answer is to come any more."""
        self._exchange = None
        self._gathered = b""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it
        # So that `resume_writing` means: all is written. Not high=0: TLS pauses an empty buffer that is 0 or more long.
        self._transport.set_write_buffer_limits(high=1, low=0)

    def pause_writing(self) -> None:
        self._writing = True

    def resume_writing(self) -> None:
        self._writing = False
        if self._flushed is not None and not self._flushed.done():
            self._flushed.set_result(None)
        if self._exchange is not None and not self._uploading:
            self._exchange.sent()

    def data_received(self, data: bytes) -> None:
        exchange, pieces, failure = self._exchange, self._pieces, None
        if exchange is None or self._gathered:  # nobody has asked yet
            self._surplus = True
            self.drop()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            failure = error
        if self._done:
            self._surplus = self._surplus or failure is not None
            del pieces[self._own :]  # what came behind its end
        if pieces:
            self._fed = 0
            exchange.took(pieces.pop() if len(pieces) == 1 else self._joined())
        elif not self._done:  # a head, or trailers
            self._fed += len(data)
        if self._done:
            self._finish()
        elif failure is not None:
            said = failure.__context__  # what a callback raised
            self._fail(said if isinstance(said, UpstreamError) else failures.no_http(), failure)
        elif self._fed > MAX_HEAD_BYTES:
            self._fail(failures.no_http(), None)

    def _joined(self) -> bytes:
        joined = b"".join(self._pieces)
        self._pieces.clear()
        return joined

    def connection_lost(self, error: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        owner, self._owner = self._owner, None
        self._transport = None
        if exchange is not None:
            if error is None and self._headed and not self._framed:
                exchange.ended()  # this answer is delimited by the connection's end
            else:
                exchange.failed(self._lost(error))
        if owner is not None:
            owner.lost(self)

    def _lost(self, error: Exception | None) -> Exception:
        unsent = self._gathered or (self._writing and not self._uploading and not self._fed and not self._headed)
        if self._used and unsent:
            return NotActedOn()
        ours = failures.cut_off() if self._headed else failures.broke()
        ours.__cause__ = error
        return ours

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self._done:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headed or self._done:
            return  # a trailer: nothing of ours depends on one
        raw = self._raw
        raw.append((name, value))
        if len(raw) > MAX_HEADERS:
            raise failures.no_http()

    def on_headers_complete(self) -> None:
        if self._done:
            return
        raw, self._raw = self._raw, []
        self._read_head(raw)
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100:
                raise failures.no_http()
            self._interim, self._framed, self._encoding = True, False, b""
            return
        self._keep = self._parser.should_keep_alive()
        self._headed = True
        if status in _NO_BODY:
            self._framed = True
        assert self._exchange is not None
        self._exchange.headed(status, raw, inflater(self._encoding) if self._encoding else None)

    def _read_head(self, raw: list[tuple[bytes, bytes]]) -> None:
        for name, value in raw:
            size = len(name)
            if size + len(value) > MAX_FIELD_BYTES:
                raise failures.no_http()
            if size in _TOLD:
                self._heed(name.lower(), value)

    def _heed(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self._framed = True
        elif name == b"transfer-encoding":
            if self._framed or value.strip().lower() != b"chunked":
                raise failures.no_http()
            self._framed = True
            # RFC 9112, 6.1: HTTP/1.0 knows no chunks. What follows such an answer may be its own rest.
            self._surplus = self._parser.get_http_version() == "1.0"
        elif name == b"content-encoding":
            self._encoding = self._encoding + b"," + value if self._encoding else value
        elif name == b"keep-alive":
            self.keep_alive = _kept_for(value)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif not self._done:
            self._done = True
            self._own = len(self._pieces)

    # Ends.

    def _finish(self) -> None:
        exchange, self._exchange = self._exchange, None
        if self.paused:
            self.resume()
        if exchange is not None:
            exchange.ended()
        if not self._used:
            self._used = True
            tls.remember(self.transport.get_extra_info("ssl_object"))
        if self._owner is None or not self._keep or self._surplus or self._writing or self._uploading:
            self.drop()
        else:
            self._owner.give_back(self)

    def _fail(self, ours: UpstreamError, error: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            ours.__cause__ = error
            exchange.failed(ours)
        self.drop()

    def drop(self) -> None:
        """At once; an exchange under way is told."""
        if self._transport is not None:
            self._transport.abort()


def _kept_for(value: bytes) -> float:
    """Seconds, of `timeout=5, max=100`."""
    for part in value.split(b","):
        name, _, seconds = part.strip().partition(b"=")
        if name.lower() == b"timeout" and seconds.isdigit() and len(seconds) < 6:
            return max(0.0, min(KEEP_ALIVE, float(seconds) - _MARGIN))
    return KEEP_ALIVE


def tune(made: socket.socket) -> None:
    """Small pieces leave at once, and a silent peer is noticed."""
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
