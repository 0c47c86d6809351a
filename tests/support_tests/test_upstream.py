"""The fake upstream as a test product: scripts, events, checks, faults at byte level, the twin in a thread."""

from __future__ import annotations

import http.client
import json
import urllib.request
from urllib.error import HTTPError

import pytest

from llm.transport.aiohttp import AiohttpTransport
from llm.transport.base import Outbound
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import answer, held_stream, text
from tests.support.upstream_wire import Exchange
from tests.support.wire import PRIVATE, read

SAY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
OPENAI = {"authorization": "Bearer sk-test", "content-type": "application/json"}
ANTHROPIC = {"x-api-key": "sk-test", "anthropic-version": "2023-06-01", "content-type": "application/json"}


def post(url: str, body: object, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as got:
            return got.status, json.loads(got.read())
    except HTTPError as refused:
        return refused.code, json.loads(refused.read())


def test_the_twin_in_a_thread() -> None:
    with FakeUpstream.in_thread() as upstream:
        upstream.script(text("first"), faults.server_error())
        url = f"{upstream.url}/v1/chat/completions"
        said = [post(url, SAY, OPENAI) for _ in range(3)]
        assert upstream.wait_request(3).json == SAY
    assert [status for status, _ in said] == [200, 500, 200]
    assert said[0][1]["choices"][0]["message"]["content"] == "first"
    assert said[2][1]["choices"][0]["message"]["content"] == "echo: hi"


def test_a_peer_that_leaves_is_noticed() -> None:
    with FakeUpstream.in_thread() as upstream:
        upstream.script(held_stream(after=1))
        connection = http.client.HTTPConnection(upstream.url.removeprefix("http://"), timeout=5)
        connection.request("POST", "/v1/chat/completions", json.dumps({**SAY, "stream": True}), OPENAI)
        connection.getresponse().fp.readline()
        assert upstream.disconnects == 0
        connection.close()
        upstream.wait_disconnect()


TOOL_USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "ok"}
HELLO = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        ("/v1/chat/completions", {}, 200),
        ("/v1/chat/completions", {"messages": []}, 400),
        ("/v1/chat/completions", {"messages": "hi"}, 400),
        ("/v1/chat/completions", {"model": "other"}, 404),
        ("/v1/chat/completions", {"stop_sequences": ["x"]}, 400),
        ("/v1/chat/completions", {"stream_options": {"include_usage": True}}, 400),
        ("/v1/chat/completions", {"messages": [{"role": "tool", "tool_call_id": "a", "content": ""}]}, 400),
        ("/v1/messages", {"max_tokens": 9}, 200),
        ("/v1/messages", {}, 400),
        ("/v1/messages", {"max_tokens": 9, "seed": 1}, 400),
        ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "system", "content": "x"}]}, 400),
        ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": ""}]}, 400),
        ("/v1/messages", {"max_tokens": 9, "messages": [HELLO, TOOL_USE, HELLO]}, 400),
        (
            "/v1/messages",
            {"max_tokens": 9, "messages": [HELLO, TOOL_USE, {"role": "user", "content": [TOOL_RESULT]}]},
            200,
        ),
        ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": [TOOL_RESULT]}]}, 400),
        ("/v1/other", {}, 404),
    ],
)
def test_bodies_are_checked_as_a_provider_would(path: str, change: dict[str, object], status: int) -> None:
    headers = ANTHROPIC if path == "/v1/messages" else OPENAI
    with FakeUpstream.in_thread(models={"m"}) as upstream:
        got, body = post(upstream.url + path, {**SAY, **change}, headers)
    assert got == status, body
    assert status == 200 or "error" in body


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer sk-wrong"}, {"x-api-key": "sk-test"}])
def test_a_wrong_key_uses_nothing_of_the_script(headers: dict[str, str]) -> None:
    with FakeUpstream.in_thread() as upstream:
        upstream.script(text("kept"))
        status, body = post(f"{upstream.url}/v1/chat/completions", SAY, {"content-type": "application/json", **headers})
        assert (status, body["error"]["code"], upstream.server.unused) == (401, "invalid_api_key", 1)


@pytest.mark.parametrize("key", [{"x-api-key": "sk-test"}, {"authorization": "Bearer sk-test"}])
def test_anthropic_takes_either_header(key: dict[str, str]) -> None:
    headers = {"anthropic-version": "2023-06-01", "content-type": "application/json", **key}
    with FakeUpstream.in_thread() as upstream:
        assert post(f"{upstream.url}/v1/messages", {**SAY, "max_tokens": 5}, headers)[0] == 200


async def test_a_defect_of_a_behaviour_fails_the_test() -> None:
    async def broken(exchange: Exchange) -> None:
        raise KeyError("a mistake in the test")

    transport = AiohttpTransport()
    with pytest.raises(KeyError):
        async with FakeUpstream(keys=None) as upstream:
            upstream.script(broken)
            request = Outbound("POST", f"{upstream.url}/any", {}, b"{}", connection=PRIVATE)
            with pytest.raises(Exception, match="broke"):
                await read(transport, request)
    await transport.aclose()


async def test_connections_are_counted() -> None:
    transport = AiohttpTransport()
    async with FakeUpstream(keys=None) as upstream:
        upstream.default = answer(json_body={"a": 1})
        request = Outbound("POST", f"{upstream.url}/any", {}, b"{}", connection=PRIVATE)
        assert await read(transport, request) == b'{"a":1}'
        assert (upstream.open_connections, upstream.total_connections) == (1, 1)
        await transport.aclose()
        await upstream.wait_until(lambda: upstream.open_connections == 0)
