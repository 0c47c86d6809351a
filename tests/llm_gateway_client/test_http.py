"""Over HTTP, against a scripted server in the gateway's place: repetitions, limits, streams that are cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from llm_gateway_client import FinishReason, InterventionContext, LLMConfig, LLMGatewayClient, LLMRequest, LLMResponse
from llm_gateway_client.http_door import HttpDoor
from tests.support import upstream_faults as faults
from tests.support.gateway import free_port
from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import Reply
from tests.support.upstream_behaviours import SSE, answer, held, held_stream, pieces, redirect, reply, text

KEY = "sk-test"
ASK = LLMRequest("Hello", LLMConfig("m"))
AGAIN = {"x-should-retry": "true", "retry-after": "0"}


@pytest.fixture
async def server() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as running:
        yield running


@pytest.fixture
async def client(server: FakeUpstream) -> AsyncIterator[LLMGatewayClient]:
    async with LLMGatewayClient(server.url, KEY) as made:
        yield made


def code(response: LLMResponse) -> str:
    assert response.error_details is not None
    return response.error_details.code


def event(body: object) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def delta(content: str, finish: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]})


async def streamed(client: LLMGatewayClient) -> LLMResponse:
    last = [chunk async for chunk in client.generate_stream(ASK)][-1]
    assert last.is_final and last.response is not None
    return last.response


async def test_what_goes_beside_the_body(server: FakeUpstream, client: LLMGatewayClient) -> None:
    context = InterventionContext("id-1", "s-1", "c-1", "u-1", "k-1", tags={"team": "x", "vip": ""})
    await client.generate(LLMRequest("Hello", LLMConfig("m", timeout_seconds=20), context))
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (headers["x-request-id"], headers["x-gateway-session"]) == ("id-1", "s-1")
    assert headers["x-gateway-tags"] == "session_id=s-1,conversation_id=c-1,correlation_id=k-1,team=x,vip"
    assert 19_000 < int(headers["x-gateway-timeout-ms"]) <= 20_000
    assert server.requests[0].json["user"] == "u-1"


async def test_the_trail_is_in_the_headers(server: FakeUpstream, client: LLMGatewayClient) -> None:
    told = {
        "x-gateway-call-id": "call-1",
        "x-gateway-provider": "p",
        "x-gateway-model": "p-m",
        "x-gateway-attempts": "2",
        "x-gateway-cost-usd": "0.000123",
        "x-gateway-cache": "hit",
        "x-gateway-revision": "7",
        "x-gateway-overhead-ms": "1.5",
    }
    whole = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
    server.script(answer(headers=told, json_body=whole))
    found = await client.generate(ASK)
    assert (found.call_id, found.provider, found.model, found.revision) == ("call-1", "p", "p-m", 7)
    assert found.usage is not None and found.usage.cost_usd == 0.000123
    assert (found.performance_metrics.attempts, found.performance_metrics.overhead_ms) == (2, 1.5)
    assert found.cache_metadata.hit


async def test_a_call_is_repeated_where_the_gateway_asks_for_it(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.script(faults.refuse(503, headers=AGAIN), faults.refuse(429, headers=AGAIN), text("Third"))
    assert (await client.generate(ASK)).generated_content == "Third"
    server.script(faults.refuse(503, headers=AGAIN), text("Second"))
    assert (await streamed(client)).generated_content == "Second"
    labels = [request.headers["x-request-id"] for request in server.requests]
    assert len(set(labels[:3])) == 1 and len(set(labels)) == 2


async def test_repetitions_are_bounded(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.default = faults.refuse(503, headers=AGAIN)
    assert code(await client.generate(ASK)) == "no_healthy_upstream"
    assert len(server.requests) == 3
    server.default = faults.refuse(429, headers={**AGAIN, "retry-after": "3600"})
    found = await client.generate(ASK)
    assert found.error_details is not None and found.error_details.retry_after_seconds == 3600
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "behaviour",
    [
        faults.refuse(503, headers={"x-should-retry": "false", "retry-after": "0"}),
        faults.refuse(500),
        faults.reset(),
        faults.close_without_answer(),
        redirect("http://127.0.0.1:9/"),
        answer(body=b"<html>"),
        answer(json_body=[]),
        answer(json_body={"choices": []}),
        answer(body=b'{"choices": [' + b"[" * 100_000),
    ],
    ids=["refused", "failed", "reset", "closed", "redirect", "html", "list", "no choice", "deep"],
)
async def test_a_call_that_may_have_been_served_is_not_repeated(
    server: FakeUpstream, client: LLMGatewayClient, behaviour: Any
) -> None:
    server.script(behaviour)
    found = await client.generate(ASK)
    assert found.finish_reason is FinishReason.ERROR and found.error_details is not None
    assert (len(server.requests), found.generated_content) == (1, None)
    server.script(text("Well again"))
    assert (await client.generate(ASK)).generated_content == "Well again"


async def test_where_no_connection_comes_about_it_is_tried_again() -> None:
    port = free_port()
    async with LLMGatewayClient(f"http://127.0.0.1:{port}/v1/", KEY, max_retries=20) as client:
        calling = asyncio.create_task(client.generate(ASK))
        await asyncio.sleep(0)
        listening = await asyncio.start_server(_hello, "127.0.0.1", port)
        assert (await calling).generated_content == "Here"
        listening.close()


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = await asyncio.start_server(_hello, "127.0.0.1", 0)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    async with LLMGatewayClient("http://gateway.invalid", KEY) as client:
        assert (await client.generate(ASK)).generated_content == "Here"
    proxy.close()


async def _hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = b'{"choices": [{"message": {"content": "Here"}, "finish_reason": "stop"}]}'
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


async def test_a_gateway_that_is_away_is_told() -> None:
    async with LLMGatewayClient(f"http://127.0.0.1:{free_port()}", KEY, max_retries=0) as client:
        found = (await client.generate(ASK)).error_details
        assert found is not None and (found.code, found.retryable, found.source) == (
            "connection_failed",
            True,
            "client",
        )
        assert code(await streamed(client)) == "connection_failed"
        assert (await client.health_check())["healthy"] is False


CUT = [
    [delta("Half")],
    [delta("Half"), b"data: [DONE]\n\n"],
    [delta("Half", "stop")],
    [delta("Half"), b"data: <html>\n\n"],
    [delta("Half"), event({"error": {"code": "upstream_error", "message": "The provider failed."}})],
]


@pytest.mark.parametrize("sent", CUT, ids=["cut", "no finish", "no end", "garbage", "in-band"])
async def test_a_stream_that_is_cut_is_an_error(
    server: FakeUpstream, client: LLMGatewayClient, sent: list[bytes]
) -> None:
    server.script(pieces(sent))
    found = await streamed(client)
    assert (code(found), found.finish_reason, found.generated_content) == ("upstream_error", "error", "Half")
    assert len(server.requests) == 1


async def test_an_empty_stream_is_an_error_too(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.script(pieces([]), answer(body=b"", content_type=SSE))
    assert [code(await streamed(client)), code(await streamed(client))] == ["upstream_error"] * 2


async def test_a_providers_own_field_does_not_pass_for_the_gateways(
    server: FakeUpstream, client: LLMGatewayClient
) -> None:
    chunk = {"gateway": {"call_id": "x"}, "choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    server.script(pieces([event(chunk), b"data: [DONE]\n\n"]))
    found = await streamed(client)
    assert (found.generated_content, found.call_id) == ("Hi", "")


async def test_streams_and_calls_share_connections(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.default = reply(Reply("one two"))
    for _ in range(3):
        assert (await streamed(client)).generated_content == "one two"
        assert (await client.generate(ASK)).generated_content == "one two"
    assert server.total_connections == 1


async def test_past_its_time_a_call_ends(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.default = held(text("never"))
    request = LLMRequest("Hello", LLMConfig("m", timeout_seconds=0.05))
    found = (await client.generate(request)).error_details
    assert found is not None and (found.code, found.source) == ("upstream_timeout", "client")
    server.default = held_stream()
    last = [chunk async for chunk in client.generate_stream(request)][-1]
    assert last.error_details is not None and last.error_details.code == "upstream_timeout"
    await server.wait_disconnect(2)


async def test_a_cancelled_call_closes_its_connection(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.script(held(text("never")))
    calling = asyncio.create_task(client.generate(ASK))
    await server.wait_request()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await server.wait_disconnect()


async def test_a_stream_that_is_left_closes_its_connection(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.script(held_stream())
    async with aclosing(client.generate_stream(ASK)) as chunks:
        assert (await anext(chunks)).delta_text
    await server.wait_disconnect()


async def test_a_batch_is_bounded_in_order_and_loses_nothing(server: FakeUpstream, client: LLMGatewayClient) -> None:
    server.script(faults.refuse(500))
    seen: list[tuple[int, int]] = []
    requests = [LLMRequest(f"number {number}", LLMConfig("m")) for number in range(20)]
    found = await client.generate_batch(
        requests, max_concurrency=3, on_progress=lambda done, total, _: seen.append((done, total))
    )
    assert seen == [(number, 20) for number in range(1, 21)]
    assert sum(one.error_details is not None for one in found) == 1
    assert all(one.error_details or one.generated_content == f"echo: number {n}" for n, one in enumerate(found))
    assert server.total_connections <= 3
    assert await client.generate_batch([]) == []


async def test_wrong_arguments_of_a_batch_raise_before_anything_is_sent(
    server: FakeUpstream, client: LLMGatewayClient
) -> None:
    with pytest.raises(TypeError, match="LLMRequest"):
        await client.generate_batch([ASK, "Hello"])  # type: ignore[list-item]  # reason: wrong on purpose
    with pytest.raises(ValueError, match="max_concurrency"):
        await client.generate_batch([ASK], max_concurrency=0)
    with pytest.raises(TypeError, match="LLMRequest"):
        client.generate_stream("Hello")  # type: ignore[arg-type]  # reason: wrong on purpose
    assert server.requests == []


async def test_what_the_progress_raises_ends_the_batch(server: FakeUpstream, client: LLMGatewayClient) -> None:
    def stop(*_: object) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await client.generate_batch([ASK] * 50, max_concurrency=2, on_progress=stop)
    assert len(server.requests) < 50


def test_one_client_serves_one_loop_after_another() -> None:
    with FakeUpstream.in_thread() as server:
        client = LLMGatewayClient(server.url, KEY)
        for _ in range(3):
            assert asyncio.run(client.generate(ASK)).generated_content == "echo: Hello"
        client.close_sync()


@pytest.mark.parametrize(
    "url",
    [
        "gateway:8000",
        "",
        "ftp://gateway",
        "http://",
        "http://user:secret@gateway",
        "http://gateway?x=1",
        "http://[",
        "http://g:x",
        "http://g/\n",
        "http://a gateway",
    ],
)
def test_wrong_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        HttpDoor(url, KEY)
    assert "secret" not in str(caught.value)


def test_wrong_keys_are_refused_and_no_key_is_shown() -> None:
    for key in ("", "gw-ümlaut-secret", "gw-secret\n"):
        with pytest.raises(ValueError, match="api_key") as caught:
            HttpDoor("http://gateway", key)
        assert "secret" not in str(caught.value)
    assert "gw-secret" not in repr(HttpDoor("http://gateway/v1/", "gw-secret"))
    assert HttpDoor("http://gateway/v1/", "gw-secret").base_url == "http://gateway"


@pytest.mark.parametrize(
    "arguments", [{}, {"base_url": "http://g"}, {"base_url": "http://g", "broker_url": "redis://"}]
)
def test_one_way_must_be_chosen(arguments: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="LLMGatewayClient takes"):
        LLMGatewayClient(**arguments)  # type: ignore[arg-type]  # reason: wrong on purpose
