"""uvicorn's HTTP protocol, with two short ways for calls beside ASGI's messages.

ASGI tells by a message that a caller has left, for which a task has to wait beside each call: here the request's own
code is told at once. And it takes a response in two messages, and looks at each header by two patterns: here a whole
one goes out in one piece.
"""

from __future__ import annotations

import functools

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from llm.http.exchange import LEFT, PUT, RESPOND, Header


class Protocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[LEFT] = []

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        cycle = self.cycle  # its task has not begun yet
        cycle.scope[RESPOND] = functools.partial(_respond, cycle)
        if cycle.scope["http_version"] == "1.1":
            cycle.scope[PUT] = functools.partial(_put, cycle)

    def connection_lost(self, error: Exception | None) -> None:
        cycle = self.cycle
        super().connection_lost(error)
        if cycle is not None and not cycle.response_complete:
            for tell in tuple(cycle.scope[LEFT]):
                tell()


def _respond(cycle: RequestResponseCycle, status: int, headers: list[Header], body: bytes) -> bool:
    """A whole response at once. False where it has to go the long way: nothing was written then."""
    if cycle.response_started or cycle.flow.write_paused or not cycle.keep_alive or cycle.scope["method"] == "HEAD":
        return False
    if cycle.disconnected:
        return True
    lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *headers)]
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        return False  # uvicorn says which header is wrong
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"%b%bcontent-length: %d\r\n\r\n%b" % (STATUS_LINE[status], head, len(body), body))
    cycle.message_event.set()
    cycle.on_response()
    return True


def _put(cycle: RequestResponseCycle, data: bytes) -> bool:
    """A piece of a response that has begun, without a length. Whoever has left gets nothing more."""
    if cycle.disconnected:
        return False
    if data:  # an empty chunk would be the end
        cycle.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
    return not cycle.flow.write_paused
