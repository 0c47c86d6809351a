"""What the transport promises when the provider behaves: bytes as they are, connections kept or dropped."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from llm.errors import UpstreamError, UpstreamUnreachable
from llm.spec import Connection
from llm.transport.base import Transport
from tests.support import upstream_behaviours as do
from tests.support.upstream import FakeUpstream
from tests.support.wire import PRIVATE, MakeOutbound, read


async def test_a_whole_answer(transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound) -> None:
    answer = await transport.send(outbound(headers={"Authorization": "Bearer k", "X-Extra": "1"}))
    body = json.loads(await answer.read())
    await answer.aclose()
    assert (answer.status, body["choices"][0]["message"]["content"]) == (200, "echo: hi")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    sent = upstream.requests[0]
    assert sent.json["messages"] == [{"role": "user", "content": "hi"}]
    assert (sent.headers["authorization"], sent.headers["x-extra"]) == ("Bearer k", "1")
    assert "aiohttp" not in sent.headers["user-agent"].lower()


async def test_header_names_are_lower_case_and_any_status_is_an_answer(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.answer(418, headers={"Retry-After": "7"}, json_body={"no": 1}))
    answer = await transport.send(outbound())
    assert (answer.status, answer.headers["retry-after"], await answer.read()) == (418, "7", b'{"no":1}')
    await answer.aclose()


async def test_a_stream_comes_in_pieces_as_sent(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.held_stream("one two three", after=2))
    answer = await transport.send(outbound(stream=True))
    pieces = answer.chunks()
    first = await anext(pieces)  # the rest is not sent yet: what came is given at once
    assert b'"one"' in first and b"[DONE]" not in first
    upstream.release()
    rest = b"".join([piece async for piece in pieces])
    assert rest.endswith(b"data: [DONE]\n\n")
    await answer.aclose()


async def test_a_compressed_answer_is_unpacked(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.gzipped("squeezed"))
    assert b"squeezed" in await read(transport, outbound())
    assert "gzip" in upstream.requests[0].headers["accept-encoding"]


async def test_a_connection_read_to_its_end_is_used_again(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    for stream in (False, True, False):
        await read(transport, outbound(stream=stream))
    assert [request.connection for request in upstream.requests] == [1, 1, 1]


async def test_a_connection_left_early_is_not_used_again(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.held_stream(after=1))
    answer = await transport.send(outbound(stream=True))
    await anext(answer.chunks())
    await answer.aclose()
    await answer.aclose()
    await upstream.wait_disconnect()
    assert b"echo: hi" in await read(transport, outbound())
    assert [request.connection for request in upstream.requests] == [1, 2]


async def test_reading_after_the_end_of_an_answer_is_an_error_of_ours(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.held_stream(after=1))
    answer = await transport.send(outbound(stream=True))
    await answer.aclose()
    with pytest.raises(UpstreamError):
        await answer.read()


@pytest.mark.parametrize("stage", ["before the answer", "within the stream"])
async def test_cancelling_ends_the_upstream_call(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound, stage: str
) -> None:
    held = do.held(do.text("never"))
    upstream.script(held if stage == "before the answer" else do.held_stream(after=1))
    begun = asyncio.Event()

    async def call() -> None:
        answer = await transport.send(outbound(stream=True))
        async for _ in answer.chunks():
            begun.set()

    task = asyncio.create_task(call())
    await upstream.wait_request()
    if stage == "within the stream":
        await asyncio.wait_for(begun.wait(), 5)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await upstream.wait_disconnect()
    assert task.cancelled()


async def test_redirects_are_answers_and_not_followed(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.redirect(f"{upstream.url}/elsewhere"))
    answer = await transport.send(outbound())
    assert answer.status == 307
    await answer.aclose()
    assert len(upstream.requests) == 1


async def test_cookies_are_not_kept(transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound) -> None:
    upstream.script(do.answer(headers={"set-cookie": "session=1; Path=/"}, json_body={}))
    url = upstream.url_for("localhost") + "/v1/chat/completions"  # a jar would keep cookies of names only
    await read(transport, outbound(url=url))
    await read(transport, outbound(url=url))
    assert "cookie" not in upstream.requests[1].headers


async def test_the_environment_names_no_proxy(
    transport: Transport, outbound: MakeOutbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert b"echo: hi" in await read(transport, outbound())


async def test_connections_per_host_are_limited(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.default = do.held(do.text("done"))
    narrow = Connection(allow_private=True, max_connections=2)
    calls = [asyncio.create_task(read(transport, outbound(connection=narrow))) for _ in range(5)]
    await upstream.wait_request(2)
    upstream.release()
    await asyncio.gather(*calls)
    assert (len(upstream.requests), upstream.total_connections) == (5, 2)


async def test_many_configurations_do_not_pile_up(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.held_stream("still here", after=1))
    held = await transport.send(outbound(stream=True))
    for size in range(1, 150):
        await read(transport, outbound(connection=Connection(allow_private=True, max_connections=size)))
    await upstream.wait_until(lambda: upstream.open_connections < 80)
    upstream.release()
    assert b"[DONE]" in await held.read()  # the one in use was left alone
    await held.aclose()


async def test_a_closed_transport_refuses(transport: Transport, outbound: MakeOutbound) -> None:
    await read(transport, outbound())
    await transport.aclose()
    with pytest.raises(UpstreamUnreachable):
        await transport.send(outbound(connection=PRIVATE))


async def test_large_bodies_go_through(transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 5_000_000}]}).encode()
    assert len(await read(transport, outbound(body=body))) > 5_000_000
    assert upstream.requests[0].body == body


async def test_get_without_a_body(transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound) -> None:
    request = outbound(method="GET", url=f"{upstream.url}/v1/models", body=b"")
    assert json.loads(await read(transport, request))["object"] == "list"
