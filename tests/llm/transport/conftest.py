"""A transport, a fake provider, and a request to it: what every test of the transport begins with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from llm.spec import Connection, Timeouts
from llm.transport.aiohttp import AiohttpTransport
from llm.transport.base import Outbound
from tests.support.upstream import FakeUpstream
from tests.support.wire import PRIVATE, MakeOutbound


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport()
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
