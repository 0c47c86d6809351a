"""The data plane over a real socket: uvicorn on loopback, in the test's own loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import uvicorn

from gateway_project.supervisor.protocol import Protocol
from llm.http.app import App
from llm.observe.record import CallRecord, Sink
from llm.observe.spool import MemorySink
from llm.policies.board import Board
from llm.service import Gateway
from llm.service.clock import Clock
from llm.snapshot import Holder, Snapshot
from llm.transport.choice import ChosenTransport
from tests.llm.service.snapshots import KEY
from tests.support.prompt_server import PromptServer


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class _Application:
    """The App of the moment: a test may put its own in between, which then takes ASGI's messages only."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._serving.app(scope, receive, send)

    @property
    def direct(self) -> Any:
        return getattr(self._serving.app, "direct", None)


class Serving:
    """`async with Serving(snapshot) as door:` then `await door.post("/v1/messages", {...})`."""

    def __init__(
        self,
        snapshot: Snapshot | None,
        *,
        sink: Sink | None = None,
        adapter_of: Any = None,
        clock: Clock | None = None,
        board: Board | None = None,
        protocol: Any = Protocol,
        **options: Any,
    ) -> None:
        self.memory = MemorySink()
        self.holder = Holder(snapshot)
        self._protocol = protocol
        self._sink, self._adapter_of, self._options = sink or self.memory, adapter_of, options
        self._clock, self._board = clock, board

    async def __aenter__(self) -> Serving:
        self.gateway = Gateway(
            self.holder,
            self._sink,
            ChosenTransport(),
            clock=self._clock,
            adapter_of=self._adapter_of,
            board=self._board,
        )
        self.app: Any = App(lambda: self.gateway, **self._options)

        options = {"http": self._protocol, "log_config": None, "access_log": False, "proxy_headers": False}
        self._server = PromptServer(uvicorn.Config(_Application(self), **options))
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._task = asyncio.create_task(self._server.serve([listener]))
        async with asyncio.timeout(10):
            await self._server.up.wait()
        self.session = aiohttp.ClientSession(self.url, headers={"authorization": f"Bearer {KEY}"})
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.session.close()
        self._server.stop.set()
        async with asyncio.timeout(10):
            await self._task

    def cancel_requests(self) -> None:
        """What uvicorn does when the time to drain is over."""
        for task in self._server.server_state.tasks:
            task.cancel()

    async def post(self, path: str, body: object, **headers: str) -> Answered:
        """`body`: bytes as they are, anything else as JSON. Header names with `_` for `-`."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("POST", path, data=data, headers={"content-type": "application/json", **named})

    async def get(self, path: str, **headers: str) -> Answered:
        return await self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def send(self, method: str, path: str, **options: Any) -> Answered:
        async with self.session.request(method, path, **options) as response:
            return Answered(response.status, response.headers, await response.read())

    async def records(self, count: int = 1) -> list[CallRecord]:
        """The records, once there are so many; it is an error if there are more."""
        found = await asyncio.to_thread(self.memory.wait, count)
        assert len(found) == count
        return found

    async def record(self) -> CallRecord:
        return (await self.records(1))[0]


class Raw:
    """A client of bare bytes, for callers that behave badly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, door: Serving) -> Raw:
        return cls(*await asyncio.open_connection("127.0.0.1", door.port))

    async def send(self, path: str, body: bytes, *, length: int | None = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.send_head(path, {"content-length": str(len(body) if length is None else length), **named})
        self.writer.write(body)
        await self.writer.drain()

    async def send_head(self, path: str, headers: Mapping[str, str]) -> None:
        named = {"host": "x", "authorization": f"Bearer {KEY}", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
        await self.writer.drain()

    async def until(self, mark: bytes) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readuntil(mark)

    async def rest(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.read()

    def leave(self) -> None:
        self.writer.transport.abort()


def chat(model: str, content: str = "Hello there", **fields: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": content}], **fields}


def message(model: str, content: str = "Hello there", **fields: object) -> dict[str, object]:
    return chat(model, content, **{"max_tokens": 100, **fields})


def events(body: bytes) -> list[Any]:
    """The JSON of each `data:` event; the mark `[DONE]` as text."""
    data = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return ["[DONE]" if one == b"[DONE]" else msgspec.json.decode(one) for one in data]
