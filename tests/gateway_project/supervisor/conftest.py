"""A relay behind a real server on loopback, and what stands behind it."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from gateway_project.supervisor.relay import Relay
from tests.gateway_project.supervisor.control_server import ControlServer, listening
from tests.support.prompt_server import PromptServer


@dataclass(frozen=True)
class Front:
    """Where callers connect."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@pytest.fixture
def control_path() -> Iterator[Path]:
    """Short: paths of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="gwrelay-", dir="/tmp") as folder:
        yield Path(folder) / "control.sock"


@pytest.fixture
async def front(control_path: Path) -> AsyncIterator[Front]:
    relay = Relay(control_path)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(relay, http="httptools", lifespan="off", log_config=None, server_header=False)
        server = PromptServer(config)
        serving = asyncio.ensure_future(server._serve([listener]))  # without its handlers of signals
        yield Front(*listener.getsockname())
        server.stop.set()
        await serving
    await relay.aclose()


@pytest.fixture
async def control(control_path: Path) -> AsyncIterator[ControlServer]:
    async with listening(control_path) as server:
        yield server
