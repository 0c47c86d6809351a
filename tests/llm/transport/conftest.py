"""A transport, a fake provider, and a request to it: what every test of the transport begins with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from llm.spec import Connection, Timeouts
from llm.transport.base import Outbound, Transport
from tests.support import transports
from tests.support.upstream import FakeUpstream
from tests.support.wire import PRIVATE, MakeOutbound

# Served calls run on uvloop, those of workers and of tests on asyncio's own.
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return LOOPS


@pytest.fixture(params=transports.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Every test here is about both transports."""
    return str(request.param)


@pytest.fixture
def resolving(kind: str) -> transports.Resolving:
    """`async with resolving("127.0.0.1") as transport:` every name leads there."""
    return transports.resolving(kind)


@pytest.fixture
async def transport(kind: str) -> AsyncIterator[Transport]:
    made = transports.transport(kind)
    yield made
    await made.aclose()


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """No key, any body: the transport looks at neither."""
    async with FakeUpstream(keys=None, strict=False, time_scale=0.01) as made:
        yield made


@pytest.fixture
def outbound(upstream: FakeUpstream) -> MakeOutbound:
    """`outbound(stream=True, timeouts=..., connection=..., url=..., headers=..., body=...)`."""

    def make(
        *,
        stream: bool = False,
        timeouts: Timeouts | None = None,
        connection: Connection = PRIVATE,
        url: str | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        method: str = "POST",
    ) -> Outbound:
        ask = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":%b}' % (
            b"true" if stream else b"false"
        )
        return Outbound(
            method=method,
            url=url or f"{upstream.url}/v1/chat/completions",
            headers={"content-type": "application/json", **(headers or {})},
            body=ask if body is None else body,
            timeouts=timeouts or Timeouts(connect=5, first_byte=5, idle=5, total=20),
            connection=connection,
        )

    return make
