"""The `_sync` twins: in threads, inside a running loop, after a fork."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from llm_gateway_client import LLMConfig, LLMGatewayClient, LLMRequest, loop_thread
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held_stream
from tests.support.upstream_thread import ThreadedUpstream

ASK = LLMRequest("Hello", LLMConfig("m"))


@pytest.fixture
def server() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread() as running:
        yield running


@pytest.fixture
def client(server: ThreadedUpstream) -> Iterator[LLMGatewayClient]:
    with LLMGatewayClient(server.url, "sk-test") as made:
        yield made


def test_every_method_has_a_twin() -> None:
    names = [
        "generate",
        "generate_stream",
        "generate_batch",
        "chat",
        "embed",
        "health_check",
        "warmup_providers",
        "close",
    ]
    assert [name for name in names if not callable(getattr(LLMGatewayClient, f"{name}_sync"))] == []


def test_they_do_as_their_methods_do(client: LLMGatewayClient) -> None:
    assert client.generate_sync(ASK).generated_content == "echo: Hello"
    assert client.chat_sync("Hi", model="m", max_tokens=1).finish_reason == "length"
    assert [one.generated_content for one in client.generate_batch_sync([ASK, ASK])] == ["echo: Hello"] * 2
    chunks = list(client.generate_stream_sync(ASK))
    assert "".join(chunk.delta_text for chunk in chunks) == "echo: Hello"
    assert len(client.embed_sync(["a"], "text-embedding-3-small").vectors) == 1
    assert client.warmup_providers_sync()["door"] == client.health_check_sync()["door"] == "http"


def test_many_threads_share_one_loop(client: LLMGatewayClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client.generate_sync(ASK).generated_content, range(40)))
    assert found == ["echo: Hello"] * 40
    assert [thread.name for thread in threading.enumerate()].count("llm-gateway-client") == 1


async def test_they_work_inside_a_running_loop(client: LLMGatewayClient) -> None:
    assert client.generate_sync(ASK).generated_content == "echo: Hello"
    assert len(list(client.generate_stream_sync(ASK))) > 1


def test_a_stream_that_is_left_ends_the_call(server: ThreadedUpstream, client: LLMGatewayClient) -> None:
    server.script(held_stream())
    for chunk in client.generate_stream_sync(ASK):
        assert chunk.delta_text
        break
    server.wait_disconnect()


def test_inside_its_own_loop_they_say_so(client: LLMGatewayClient) -> None:
    async def wrong() -> None:
        client.generate_sync(ASK)

    with pytest.raises(RuntimeError, match="await the method without _sync"):
        loop_thread.run(wrong())


def test_an_iterator_that_is_collected_on_the_loop_is_closed_there() -> None:
    closed = threading.Event()

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            closed.set()

    iterator = loop_thread.iterate(numbers())
    assert next(iterator) == 1

    async def drop() -> None:
        iterator.close()  # type: ignore[attr-defined]  # reason: it is a generator

    loop_thread.run(drop())
    assert closed.wait(5)


def test_after_a_fork_there_is_a_new_loop_and_new_connections(client: LLMGatewayClient) -> None:
    """As in Celery's prefork workers: the parent has used the client already."""
    assert client.generate_sync(ASK).generated_content == "echo: Hello"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(client.generate_sync(ASK).generated_content).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        assert told.read() == "echo: Hello"
    os.waitpid(child, 0)
    assert client.generate_sync(ASK).generated_content == "echo: Hello"


async def test_its_own_loop_is_another_one() -> None:
    assert loop_thread.loop() is not asyncio.get_running_loop()
