"""uvicorn's HTTP protocol, with a short way for calls beside ASGI's messages.

ASGI tells by a message that a caller has left, for which a task has to wait beside each call: here the request's own
code is told at once. And a call whose request came in one piece, as nearly all do, is handed over whole and answered
over its `Line`; the application says by `direct` that it takes it so. Everything else is as in uvicorn, which sees in
a `Line` the response under way like any of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway_project.supervisor import heads
from gateway_project.supervisor.heads import Head, Heads
from gateway_project.supervisor.line import Line
from llm.http.app import DIRECT
from llm.http.exchange import LEFT
from llm.transport import outbox

_heads: Final = Heads()
_NOTHING: Final[Mapping[bytes, str]] = {}


class Protocol(HttpToolsProtocol):
    """`_body` is that of a request that may turn out to be here whole, None while there is no such request. `_between`
    two requests nothing of the next one has come. `_made` is the head of the last call that was handed over."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.outbox = outbox.of(self.loop)
        self._direct = getattr(self.app, "direct", None)
        plain = self._direct is not None and not self.root_path and self.limit_concurrency is None
        self._paths = DIRECT if plain else _NOTHING
        self._body: bytes | None = None
        self._between = True
        self._made: Head | None = None
        self._gathered = b""
        self._rests_since: float | None = None

    # What goes out.

    def send(self, data: bytes) -> None:
        """At the end of this turn of the loop, or at once where it is quiet."""
        if self._gathered:
            self._gathered += data
        elif self.outbox.takes(self):
            self._gathered = data
        else:
            self.transport.write(data)

    def flush(self) -> None:
        """See `llm.transport.outbox`. Called too before anything is written past `send`."""
        gathered, self._gathered = self._gathered, b""
        if gathered and not self.transport.is_closing():
            self.transport.write(gathered)

    # What comes in.

    def data_received(self, data: bytes) -> None:
        if self._gathered:
            self.flush()
        found = heads.whole(data) if self._paths and self._between and self._free() else None
        if found is None:
            self._parse(data)
            return
        key, start = found
        head = _heads.known(key)
        if head is not None:
            self._rests_since = None
            self._call(head, data[start:])
            return
        self._made = None
        self._parse(data)
        if self._made is not None and self._between:
            _heads.add(key, self._made)

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        if self._body is not None:
            self._begin_waiting()

    def eof_received(self) -> None:
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        cycle = self.cycle
        super().connection_lost(error)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        if cycle is not None and not cycle.response_complete:
            for tell in tuple(cycle.left if isinstance(cycle, Line) else cycle.scope[LEFT]):
                tell()

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._between = False

    def on_headers_complete(self) -> None:
        if self.url in self._paths and self._may_go_direct():
            self._body = b""
        else:
            self._begin()

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        self._between = True
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
        line = Line(self)
        self.cycle = line  # type: ignore[assignment]  # reason: it has what uvicorn looks at
        self.tasks.add(line.begin_with(self._direct(line, head.path, head.headers, body)))

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
            and not parser.should_upgrade()
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

    # Between two requests.

    def on_response_complete(self) -> None:
        """As uvicorn's, but for its timer: one for a connection, not one for each request."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._rests_since = self.loop.time()
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
