"""The load: keeps connections busy for some seconds and prints what it saw, as JSON. See `Load` and `Seen`.

python -m bench.load '{"port": 8000, ...}'
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import cast

import msgspec
import uvloop

from bench import wire
from bench.cores import stay_on

_WARM_UP = 0.15  # of the time: its answers are not counted


class Load(msgspec.Struct, kw_only=True):
    """Each connection sends its next request once the last one is answered. `size` is of the body, in bytes."""

    port: int
    path: str = "/v1/chat/completions"
    connections: int = 1
    seconds: float = 5.0
    size: int = 1024
    stream: bool = False
    key: str = ""
    model: str = wire.MODEL
    core: int | None = None


class Seen(msgspec.Struct, kw_only=True):
    """`requests` and `events` (of streams) are all that were answered; latencies, in milliseconds, leave the warm-up
    out. `seconds` is how long it took."""

    requests: int
    failures: int
    events: int
    seconds: float
    p50_ms: float
    p99_ms: float


class Run:
    """What the connections share."""

    def __init__(self, load: Load) -> None:
        self.request = wire.request(path=load.path, size=load.size, stream=load.stream, key=load.key, model=load.model)
        self.began = perf_counter()
        self.counted_from = self.began + load.seconds * _WARM_UP
        self.until = self.began + load.seconds
        self.latencies: list[float] = []
        self.requests = self.failures = self.events = 0

    def seen(self) -> Seen:
        ordered = sorted(self.latencies) or [0.0]
        return Seen(
            requests=self.requests,
            failures=self.failures,
            events=self.events,
            seconds=perf_counter() - self.began,
            p50_ms=ordered[len(ordered) // 2] * 1000,
            p99_ms=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
        )


class Client(asyncio.Protocol):
    """One connection. It knows answers with a length and chunked ones, and no others."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._received = bytearray()
        self._whole = -1  # length of the answer: -1 not known yet, 0 chunked
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._run.failures += 1
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._whole < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._read_head(bytes(self._received[:end]), end + 4)
        ended = self._received.endswith(b"\r\n0\r\n\r\n") if self._whole == 0 else len(self._received) >= self._whole
        if ended:
            self._answered()

    def _read_head(self, head: bytes, size: int) -> None:
        if not head.startswith(b"HTTP/1.1 200"):
            self._run.failures += 1
        _, known, rest = head.lower().partition(b"content-length:")
        self._whole = size + int(rest.partition(b"\r")[0]) if known else 0

    def _answered(self) -> None:
        run = self._run
        now = perf_counter()
        run.requests += 1
        if self._whole == 0:
            run.events += self._received.count(b"data:")
        if now >= run.counted_from:
            run.latencies.append(now - self._sent_at)
        if now < run.until:
            self._send()
        else:
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        self._received.clear()
        self._whole = -1
        self._sent_at = perf_counter()
        self._transport.write(self._run.request)


async def run(load: Load) -> Seen:
    loop = asyncio.get_running_loop()
    shared = Run(load)
    clients = []
    for _ in range(load.connections):
        transport, client = await loop.create_connection(lambda: Client(shared), "127.0.0.1", load.port)
        clients.append((transport, client))
        if load.stream:  # not all in step
            await asyncio.sleep(wire.PACE_SECONDS / load.connections)
    _, waiting = await asyncio.wait([client.done for _, client in clients], timeout=load.seconds + 30)
    shared.failures += len(waiting)
    for transport, _ in clients:
        transport.abort()
    return shared.seen()


def main() -> None:
    load = msgspec.json.decode(sys.argv[1], type=Load)
    stay_on(load.core)
    print(msgspec.json.encode(uvloop.run(run(load))).decode())


if __name__ == "__main__":
    main()
