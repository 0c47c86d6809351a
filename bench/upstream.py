"""The mock provider: canned bytes, no parsing beyond a request's length. Prints its port.

python -m bench.upstream --core 1 --port 0
"""

from __future__ import annotations

import argparse
import asyncio
from typing import cast

import uvloop

from bench import wire
from bench.cores import stay_on

_ANSWER = wire.answer()
_STREAM_HEAD = wire.stream_head()
_EVENT = wire.stream_event()
_STREAM_END = wire.stream_end()


class Provider(asyncio.Protocol):
    """One connection. Requests come one at a time: no pipelining."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._whole = 0  # length of the request that is being received, 0 while not known
        self._transport: asyncio.Transport | None = None
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._whole:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._whole = end + 4 + _length(bytes(self._received[:end]))
        if len(self._received) >= self._whole:
            head = self._received[: self._whole]
            streaming = head.find(b'"stream":true') >= 0 or head.find(b'"stream": true') >= 0
            self._received.clear()
            self._whole = 0
            self._answer(streaming)

    def _answer(self, streaming: bool) -> None:
        if self._transport is None:
            return
        if not streaming:
            self._transport.write(_ANSWER)
            return
        self._transport.write(_STREAM_HEAD)
        self._left = wire.CHUNKS
        self._step()

    def _step(self) -> None:
        if self._transport is None:
            return
        if self._left == 0:
            self._transport.write(_STREAM_END)
            return
        self._left -= 1
        self._transport.write(_EVENT)
        self._loop.call_later(wire.PACE_SECONDS, self._step)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r")[0] or 0)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    stay_on(options.core)
    uvloop.run(serve(options.port))


if __name__ == "__main__":
    main()
