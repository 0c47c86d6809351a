"""uvicorn's HTTP protocol, which tells a request's own code at once that its caller has left.

ASGI tells it by a message, for which a task has to wait beside each call; that costs as much as the rest of the door.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llm.http.exchange import LEFT


class Protocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[LEFT] = []

    def connection_lost(self, error: Exception | None) -> None:
        cycle = self.cycle
        super().connection_lost(error)
        if cycle is not None and not cycle.response_complete:
            for tell in tuple(cycle.scope[LEFT]):
                tell()
