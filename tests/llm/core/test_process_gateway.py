"""With a configuration of the database calls go through the Gateway of the process, and belong to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from llm import service, sync
from llm.core.client import LLMGatewayClient
from llm.core.config import GatewayConfig
from llm.core.models import LLMConfig, LLMRequest
from llm.errors import GatewayUnavailable
from llm.observe.spool import MemorySink
from llm.service import Gateway, registry
from llm.snapshot import Holder
from llm.transport.choice import ChosenTransport
from tests.llm.service.snapshots import snapshot, upstream

ASK = LLMRequest("Hello", LLMConfig("echo"))


@pytest.fixture
def sink() -> Iterator[MemorySink]:
    """Of the Gateway that is installed, with an echo in revision 7."""
    before, records = registry._registry, MemorySink()

    async def made() -> Gateway:
        return Gateway(Holder(snapshot([upstream("e", url="echo:")], ["e/echo"])), records, ChosenTransport())

    gateway = sync.run(made())
    service.install(lambda: gateway)
    yield records
    registry._registry = before
    sync.run(gateway.aclose())


async def test_calls_are_its_calls(sink: MemorySink) -> None:
    async with LLMGatewayClient(GatewayConfig("database", {})) as client:
        response = await client.generate(ASK)
        assert (response.generated_content, response.revision) == ("Echo: Hello", 7)
        chunks = [chunk async for chunk in client.generate_stream(ASK)]
        assert chunks[-1].response is not None and chunks[-1].response.revision == 7
        health = await client.health_check()
    assert (health["healthy"], health["revision"], health["providers"]) == (True, 7, ["e"])
    assert [(record.project, record.status) for record in sink.records] == [("default", "succeeded")] * 2
    assert client.recent_calls == ()


async def test_closing_the_client_ends_nothing_of_the_process(sink: MemorySink) -> None:
    first, second = (LLMGatewayClient(GatewayConfig("database", {})) for _ in range(2))
    await first.generate(ASK)
    await first.close()
    assert (await second.generate(ASK)).generated_content == "Echo: Hello"


def test_synchronous_callers_and_an_unknown_project(sink: MemorySink) -> None:
    with LLMGatewayClient(GatewayConfig("database", {}), project="nowhere") as client:
        details = client.generate_sync(ASK).error_details
    assert details is not None and "does not accept tasks" in details.message
    assert sink.records[0].error_code == "invalid_request"


async def test_a_process_without_a_gateway_says_so(sink: MemorySink) -> None:
    def none() -> Gateway:
        raise GatewayUnavailable("The gateway is not set up in this process.")

    service.install(none)
    client = LLMGatewayClient(GatewayConfig("database", {}))
    details = (await client.generate(ASK)).error_details
    assert details is not None and (details.code, details.status) == ("no_healthy_upstream", 503)
    last = [chunk async for chunk in client.generate_stream(ASK)][-1]
    assert last.error_details is not None and last.error_details.code == "no_healthy_upstream"
    health = await client.health_check()
    assert (health["healthy"], health["error"]) == (False, "The gateway is not set up in this process.")


async def test_threads_that_all_wait_for_calls_do_not_hold_each_other_up(sink: MemorySink) -> None:
    """On a server's loop, whose threads are few."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(2))
    service.current()
    sync.adopt(loop)
    try:
        client = LLMGatewayClient(GatewayConfig("database", {}))
        waiting = [asyncio.to_thread(client.generate_sync, ASK) for _ in range(6)]
        async with asyncio.timeout(20):
            responses = await asyncio.gather(*waiting)
    finally:
        sync.adopt(None)
    assert [response.generated_content for response in responses] == ["Echo: Hello"] * 6
