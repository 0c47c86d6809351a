"""SIGTERM under fifty streams: each is whole, or ends with its dialect's in-band error and never cleanly; all are in
the call table with the right status; and nothing of the gateway is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import requests

from gateway_project.supervisor import sockets
from tests.support.eventually import eventually
from tests.support.gateway import PROJECT_KEY, GatewayProcess, free_port
from tests.support.gateway_processes import all_gone, children, descendants, gone, redis_servers
from tests.support.load import Load
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, held_stream, text
from tests.support.upstream_faults import silence, stall
from tests.support.upstream_thread import ThreadedUpstream
from tests.support.upstream_wire import Exchange

DRAIN_SECONDS = 4
STREAMS = 50
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
MODELS = ("ends", "stalls", "silent", "floods")
SAY = [{"role": "user", "content": "Hello"}]


async def by_model(exchange: Exchange) -> None:
    """`ends` when the test releases it, `stalls` in the middle, `silent` says nothing, `floods` says very much."""
    behaviours = {
        "ends": held_stream(after=4) if exchange.request.stream else held(text("at last")),
        "stalls": stall(after=4),
        "silent": silence(),
        "floods": text(f"{'x' * 50_000} " * 400),
    }
    await behaviours[exchange.request.model](exchange)


@dataclass
class Caller:
    """One call in a thread of its own; `head` is set once its answer has begun."""

    kind: str
    model: str
    stream: bool = True
    head: requests.Response | None = None
    body: bytes = b""
    broken: str = ""
    _thread: threading.Thread | None = field(default=None, repr=False)

    def begin(self, url: str) -> None:
        self._thread = threading.Thread(target=self._call, args=(url + PATHS[self.kind],), daemon=True)
        self._thread.start()

    def end(self, seconds: float) -> None:
        assert self._thread is not None
        self._thread.join(seconds)
        assert not self._thread.is_alive()

    def _call(self, url: str) -> None:
        body = {"model": f"{self.kind}-fake/{self.model}", "messages": SAY, "max_tokens": 100, "stream": self.stream}
        headers = {"Authorization": f"Bearer {PROJECT_KEY}"}
        try:
            with requests.post(url, json=body, headers=headers, stream=True, timeout=60) as answer:
                self.head = answer
                for piece in answer.iter_content(None):
                    self.body += piece
        except requests.RequestException as error:
            self.broken = repr(error)


@pytest.fixture
def provider() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread() as upstream:
        upstream.default = by_model
        yield upstream


@pytest.fixture
def late() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread() as upstream:
        upstream.default = held(text("at last"))
        yield upstream


def configure(gateway: GatewayProcess, name: str, kind: str, url: str, *models: str) -> None:
    body = {
        "provider_id": name,
        "provider_type": kind,
        "connection_params": {"api_base": url},
        "models": [{"model_id": model} for model in models],
        "api_key": {"key_value": "sk-test"},
    }
    assert gateway.rest("POST", "/providers", json=body).status_code == 201


def watch_ready(url: str, seen: list[tuple[int, list[str]]]) -> threading.Thread:
    """Asks until the port is closed."""

    def watch() -> None:
        try:
            while True:
                answer = requests.get(f"{url}/ready", timeout=5)
                seen.append((answer.status_code, answer.json()["not_ready"]))
        except requests.RequestException:
            return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def never_reads(url: str) -> tuple[socket.socket, str]:
    """A caller that asks for a stream and takes no more than its head; the call's id is in that."""
    host, _, port = url.removeprefix("http://").partition(":")
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.settimeout(10)
    caller.connect((host, int(port)))
    body = json.dumps({"model": "openai-fake/floods", "messages": SAY, "stream": True}).encode()
    head = f"POST {PATHS['openai']} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {PROJECT_KEY}\r\n"
    caller.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    answered = caller.recv(2048).decode("latin-1")
    return caller, answered.partition("x-gateway-call-id: ")[2].partition("\r\n")[0]


def last_event(caller: Caller) -> str:
    assert caller.body.endswith(b"\n\n")
    return caller.body.removesuffix(b"\n\n").rpartition(b"\n\n")[2].decode()


def is_complete(caller: Caller) -> bool:
    if caller.kind == "openai":
        return last_event(caller) == "data: [DONE]" and b'"error"' not in caller.body
    return last_event(caller).startswith("event: message_stop\n") and b"event: error" not in caller.body


def ends_with_an_error(caller: Caller) -> bool:
    """The last event is the dialect's error, and nothing before it says that the answer is whole."""
    name, _, data = last_event(caller).rpartition("data: ")
    clean = (b"[DONE]", b'"finish_reason":"', b"message_delta", b"message_stop")
    assert name == ("" if caller.kind == "openai" else "event: error\n")
    return "going down" in json.loads(data)["error"]["message"] and not any(word in caller.body for word in clean)


def records(gateway: GatewayProcess) -> dict[str, tuple[str, int, str]]:
    """(status, http_status, error_code) by call id and by request id."""
    query = "SELECT call_id, request_id, status, http_status, error_code FROM audit_call"
    with closing(sqlite3.connect(f"file:{gateway.folder / 'gateway.db'}?mode=ro", uri=True)) as database:
        rows = database.execute(query).fetchall()
    return {name: tuple(row[2:]) for row in rows for name in (str(UUID(row[0])), row[1])}


@pytest.fixture
def drained(
    tmp_path_factory: pytest.TempPathFactory, provider: ThreadedUpstream, late: ThreadedUpstream
) -> Iterator[GatewayProcess]:
    arguments = ["--workers", "2", "--drain-seconds", str(DRAIN_SECONDS)]
    folder = tmp_path_factory.mktemp("drained")
    with GatewayProcess(folder, arguments=arguments, REDIS_PORT=str(free_port())) as gateway:
        configure(gateway, "openai-fake", "openai", f"{provider.url}/v1", *MODELS)
        configure(gateway, "anthropic-fake", "anthropic", provider.url, *MODELS)
        configure(gateway, "late-fake", "openai", f"{late.url}/v1", "m")
        yield gateway


def begin_calls(gateway: GatewayProcess) -> list[Caller]:
    """All streams have begun; two calls wait for their answers."""
    streams = [
        Caller("anthropic" if number % 2 else "openai", "stalls" if number % 4 < 2 else "ends")
        for number in range(STREAMS)
    ]
    callers = [*streams, *(Caller(kind, "silent", stream=False) for kind in PATHS)]
    for caller in callers:
        caller.begin(gateway.url)
    eventually(lambda: all(caller.body or caller.broken for caller in streams), seconds=30)
    return callers


def stop_under_load(gateway: GatewayProcess, provider: ThreadedUpstream, late: ThreadedUpstream) -> None:
    """SIGTERM; what can end ends while it drains, and a task ends when the control process has gone."""
    seen: list[tuple[int, list[str]]] = []
    watching = watch_ready(gateway.url, seen)
    eventually(lambda: seen)
    before, control = descendants(gateway.pid), children(gateway.pid)["control"][0]
    told_at = time.monotonic()
    os.kill(gateway.pid, signal.SIGTERM)
    eventually(lambda: seen[-1] == (503, ["draining"]), seconds=5)
    provider.release()
    eventually(lambda: gone(control), seconds=DRAIN_SECONDS + 10)
    late.release()
    assert gateway.wait() == 0
    assert time.monotonic() - told_at < DRAIN_SECONDS + 15
    watching.join(10)
    assert seen[0] == (200, []) and seen[-1] == (503, ["draining"])
    nothing_is_left(gateway, before)


def nothing_is_left(gateway: GatewayProcess, before: list[int]) -> None:
    assert all_gone(before)
    assert redis_servers(gateway.data_dir) == []
    assert not sockets.path(gateway.data_dir).exists()
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_fifty_streams_at_sigterm(drained: GatewayProcess, provider: ThreadedUpstream, late: ThreadedUpstream) -> None:
    callers = begin_calls(drained)
    deaf, deaf_call = never_reads(drained.url)
    task = Load(drained).submit("late-fake/m")
    provider.wait_request(len(callers) + 1)
    late.wait_request()
    stop_under_load(drained, provider, late)
    deaf.close()
    kept = records(drained)
    for caller in callers:
        caller.end(10)
        check(caller, kept)
    assert kept[deaf_call] == ("failed", 200, "no_healthy_upstream")
    assert kept[task] == ("succeeded", 200, "")


def check(caller: Caller, kept: dict[str, tuple[str, int, str]]) -> None:
    assert caller.broken == "" and caller.head is not None
    call_id = caller.head.headers["x-gateway-call-id"]
    if not caller.stream:  # its answer had not begun: it hears that it may come back
        status = 503 if caller.kind == "openai" else 529
        assert (caller.head.status_code, caller.head.headers["retry-after"]) == (status, "1")
        assert kept[call_id] == ("failed", status, "no_healthy_upstream")
    elif caller.model == "ends":
        assert is_complete(caller), caller.body
        assert kept[call_id] == ("succeeded", 200, "")
    else:
        assert ends_with_an_error(caller), caller.body
        assert kept[call_id] == ("failed", 200, "no_healthy_upstream")
