"""What is done to each server, and what is measured of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec

from bench import servers, wire
from bench.load import Load, Seen
from bench.servers import Server

ROOT = Path(__file__).resolve().parents[1]
CALLS_TO_EXPORT = 10_000
_OVERTIME = 60.0
_LOOK = 0.5  # seconds
_IDLE = 0.15  # of a core


class Measured(msgspec.Struct, kw_only=True):
    """`cpu_us` is of the processes that serve calls, for each request (of a stream: for each event); `others_cpu_us`
    that of the processes beside them."""

    server: str
    scenario: str
    seen: Seen
    rps: float
    cpu_us: float
    others_cpu_us: float


class Bench:
    """Runs loads against one server after the other; `results` holds what came of it."""

    def __init__(self, *, seconds: float, core: int | None, say: Callable[[str], None]) -> None:
        self.results: list[Measured] = []
        self._seconds = seconds
        self._core = core
        self._say = say

    def measure(self, server: Server, scenario: str, **changes: object) -> Measured:
        load = Load(port=server.port, seconds=self._seconds, key=servers.KEY, core=self._core)
        load = msgspec.structs.replace(load, **changes)
        _settle(server)
        others, serving = server.others_cpu_seconds(), server.cpu_seconds()
        seen = _run(load)
        serving, others = server.cpu_seconds() - serving, server.others_cpu_seconds() - others
        count = max(1, seen.events if load.stream else seen.requests)
        found = Measured(
            server=server.name,
            scenario=scenario,
            seen=seen,
            rps=seen.requests / seen.seconds,
            cpu_us=serving / count * 1e6,
            others_cpu_us=others / count * 1e6,
        )
        self.results.append(found)
        self._say(
            f"{server.name:8} {scenario:12} {found.rps:9.0f}/s {found.cpu_us:7.0f} us "
            f"p50 {seen.p50_ms:7.3f} ms p99 {seen.p99_ms:7.3f} ms {seen.failures} failed"
        )
        return found

    def everywhere(self, server: Server) -> None:
        """What every server is asked."""
        self.measure(server, "warm-up", connections=8, seconds=1.0)
        self.measure(server, "one", connections=1)
        self.measure(server, "many", connections=64)
        self.measure(server, "large", connections=16, size=100 * 1024)
        self.measure(server, "stream", connections=64, stream=True)

    def gateway_only(self, server: Server) -> None:
        """Across dialects; and live calls while the admin exports, against the same without."""
        self.measure(server, "across", connections=64, path="/v1/messages")
        listed = _wait_for_calls(server)
        self._say(f"{'':8} {listed} calls are in the call table")
        self.measure(server, "quiet", connections=1)
        with _exporting(server) as pages:
            self.measure(server, "export", connections=1)
        self._say(f"{'':8} {len(pages)} pages of 200 calls were read meanwhile")

    def outage(self, server: Server, primary: Callable[[], AbstractContextManager[Server]]) -> None:
        """A route whose first provider is there, is gone, and comes back: `primary` starts it."""
        with primary():
            self._on_route(server, "up")
        self._on_route(server, "down")
        with primary():
            self._on_route(server, "after")

    def _on_route(self, server: Server, scenario: str) -> None:
        self.measure(server, scenario, connections=8, model=servers.OUTAGE)


def _settle(server: Server, *, seconds: float = 60.0) -> None:
    """Until what runs beside it has done what the last load left behind: records on their way into the database."""
    deadline = time.monotonic() + seconds
    before, now = float("-inf"), server.others_cpu_seconds()
    while now - before > _IDLE * _LOOK and time.monotonic() < deadline:
        time.sleep(_LOOK)
        before, now = now, server.others_cpu_seconds()


def _run(load: Load) -> Seen:
    command = [sys.executable, "-m", "bench.load", msgspec.json.encode(load).decode()]
    ran = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=load.seconds + _OVERTIME + _stream_seconds()
    )
    return msgspec.json.decode(ran.stdout, type=Seen)


def _stream_seconds() -> float:
    return wire.CHUNKS * wire.PACE_SECONDS


def _get(server: Server, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {servers.TOKEN}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"GET {path} was answered with {answer.status}")
        return body
    finally:
        connection.close()


def _wait_for_calls(server: Server, *, seconds: float = 30.0) -> int:
    """Until the calls that were made are in the table: enough of them, and no more are coming."""
    deadline = time.monotonic() + seconds
    count = before = -1
    while time.monotonic() < deadline and (count < CALLS_TO_EXPORT or count != before):
        before, count = count, int(json.loads(_get(server, "/calls?page_size=1"))["count"])
        time.sleep(0.5)
    return count


@contextmanager
def _exporting(server: Server) -> Iterator[list[int]]:
    """Somebody reads the call table page by page, as fast as the gateway gives it; yields the sizes of the pages."""
    stop = threading.Event()
    pages: list[int] = []

    def export() -> None:
        while not stop.is_set():
            page = len(pages) % (CALLS_TO_EXPORT // 200) + 1
            pages.append(len(_get(server, f"/calls?page_size=200&page={page}")))

    thread = threading.Thread(target=export, daemon=True)
    thread.start()
    try:
        yield pages
    finally:
        stop.set()
        thread.join(60)
