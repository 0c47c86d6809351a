"""Surfaces that are relayed: what the provider gets, what the caller gets, what is recorded."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway_project.supervisor.protocol import Protocol
from llm.observe import metrics, tally
from llm.snapshot import Route, RouteTarget, Snapshot
from tests.llm.http.serving import Raw, Serving, events
from tests.llm.service.snapshots import anthropic, openai, snapshot, upstream
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import answer, held, pieces
from tests.support.upstream_surfaces import SOUND

OA = "oa/gpt-4o"
BODIES: dict[str, dict[str, object]] = {
    "embeddings": {"input": "Hello there"},
    "moderations": {"input": ["a", "b"]},
    "rerank": {"query": "q", "documents": ["a", "b"], "top_n": 1},
    "images/generations": {"prompt": "a cat", "size": "1024x1024"},
    "completions": {"prompt": "Say", "max_tokens": 2},
}
TOKENS = {
    "embeddings": (3, 0),
    "moderations": (0, 0),
    "rerank": (9, 0),
    "images/generations": (4, 50),
    "completions": (2, 2),
}
SPEECH = {"model": OA, "input": "Hello", "voice": "alloy"}


@pytest.mark.parametrize("surface", BODIES)
async def test_json_goes_through_with_another_model(door: Serving, provider: FakeUpstream, surface: str) -> None:
    answered = await door.post(f"/v1/{surface}", {"model": OA, **BODIES[surface], "new_field": {"a": [1]}})
    assert answered.status == 200, answered.body
    (received,) = provider.requests
    assert received.path == f"/v1/{surface}"
    assert received.json == {"model": "gpt-4o", **BODIES[surface], "new_field": {"a": [1]}}
    assert (answered.headers["x-gateway-provider"], answered.headers["x-gateway-attempts"]) == ("oa", "1")
    record = await door.record()
    assert (record.endpoint, record.status, record.model) == (surface, "succeeded", "gpt-4o")
    assert (record.input_tokens, record.output_tokens) == TOKENS[surface]


@pytest.mark.parametrize("given", ["text", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
@pytest.mark.parametrize("options", [{}, {"dimensions": 2, "encoding_format": "base64"}, {"encoding_format": "float"}])
async def test_embeddings_keep_every_form(
    door: Serving, provider: FakeUpstream, given: object, options: dict[str, object]
) -> None:
    body = b'{"data":[{"embedding":[0.10,-1e-7]}] , "usage":{"prompt_tokens":5}}'
    provider.script(answer(body=body))
    answered = await door.post("/v1/embeddings", {"model": OA, "input": given, **options})
    assert answered.body == body
    assert provider.requests[0].json == {"model": "gpt-4o", "input": given, **options}
    assert (await door.record()).input_tokens == 5


@pytest.mark.parametrize("surface", [*sorted(BODIES.keys() - {"completions"}), "audio/speech"])
async def test_a_kind_without_the_surface_is_a_callers_error(
    door: Serving, provider: FakeUpstream, surface: str
) -> None:
    body = {"model": "an/claude-sonnet-4-5", **BODIES.get(surface, SPEECH)} | {"model": "an/claude-sonnet-4-5"}
    answered = await door.post(f"/v1/{surface}", body)
    error = answered.json["error"]
    assert (answered.status, error["code"], error["param"]) == (400, "invalid_request", "model")
    assert surface in error["message"]
    assert provider.requests == []
    record = await door.record()
    assert (record.endpoint, record.http_status, record.attempts) == (surface, 400, 0)


async def test_a_route_falls_over_only_to_kinds_that_have_the_surface(provider: FakeUpstream) -> None:
    targets = (RouteTarget("an", "m"), RouteTarget("a", "m", priority=2), RouteTarget("b", "m", priority=3))
    upstreams = [anthropic("an", provider.url), openai("a", provider.url), openai("b", provider.url)]
    provider.script(faults.server_error())
    async with Serving(snapshot(upstreams, ["an/m", "a/m", "b/m"], [Route("r", targets)])) as door:
        answered = await door.post("/v1/embeddings", {"model": "r", "input": "x"})
        assert (answered.status, answered.headers["x-gateway-provider"]) == (200, "b")
        record = await door.record()
    assert (record.attempts, record.route, record.status) == (2, "r", "succeeded")


async def test_the_operators_fields_reach_a_surface(provider: FakeUpstream) -> None:
    extra = {"input_type": "query", "model": "x", "input": "y", "prompt": "z", "query": "q", "documents": []}
    parameters = {"dimensions": 8, "encoding_format": "float", "temperature": 0.1}
    config = snapshot([openai("oa", provider.url, parameters=parameters, extra_body=extra)], [OA])
    async with Serving(config) as door:
        assert (await door.post("/v1/embeddings", {"model": OA, "input": "a", "dimensions": 2})).status == 200
        assert (await door.post("/v1/moderations", {"model": OA, "input": "a"})).status == 200
        assert (await door.post("/v1/rerank", {"model": OA, "query": "b", "documents": ["c"]})).status == 200
    assert [one.json for one in provider.requests] == [
        {"model": "gpt-4o", "input": "a", "dimensions": 2, "encoding_format": "float", "input_type": "query"},
        {"model": "gpt-4o", "input": "a", "input_type": "query"},
        {"model": "gpt-4o", "query": "b", "documents": ["c"], "input_type": "query"},
    ]


@pytest.mark.parametrize(
    ("surface", "body", "param"),
    [
        ("embeddings", {}, "input"),
        ("embeddings", {"input": None}, "input"),
        ("embeddings", {"input": 7}, "input"),
        ("embeddings", {"input": "x", "dimensions": "9"}, "dimensions"),
        ("moderations", {}, "input"),
        ("rerank", {"query": "x"}, "documents"),
        ("rerank", {"query": "x", "documents": "y"}, "documents"),
        ("images/generations", {"prompt": []}, "prompt"),
        ("audio/speech", {"voice": "x"}, "input"),
        ("completions", {}, "prompt"),
        ("completions", {"prompt": "x", "stream": "yes"}, "stream"),
        ("completions", {"prompt": "x", "stream": True, "stream_options": 1}, "stream_options"),
        ("embeddings", {"model": 5, "input": "x"}, "model"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_field(
    door: Serving, provider: FakeUpstream, surface: str, body: dict[str, object], param: str
) -> None:
    answered = await door.post(f"/v1/{surface}", {"model": OA, **body})
    assert (answered.status, answered.json["error"]["param"]) == (400, param)
    assert provider.requests == []
    assert (await door.record()).error_code == "invalid_request"


@pytest.mark.parametrize("surface", [*BODIES, "audio/speech", "audio/transcriptions", "audio/translations"])
async def test_only_post_and_only_json(door: Serving, surface: str) -> None:
    refused = await door.get(f"/v1/{surface}")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")
    assert (await door.post(f"/v1/{surface}", b"[nonsense")).status == 400


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.refuse(422, "No such thing."), 422, "invalid_request"),
        (answer(body=b"<html>", content_type="text/html"), 502, "upstream_error"),
        (answer(body=b"not json"), 502, "upstream_error"),
        (answer(json_body={"error": {"message": "sk-test failed"}}), 502, "upstream_error"),
    ],
)
async def test_a_providers_fault(provider: FakeUpstream, impatient: Serving, fault, status: int, code: str) -> None:
    provider.default = fault
    answered = await impatient.post("/v1/embeddings", {"model": OA, "input": "x"})
    assert (answered.status, answered.json["error"]["code"]) == (status, code)
    assert b"sk-test" not in answered.body
    assert (await impatient.record()).status == "failed"


@pytest.mark.parametrize(
    "usage", [b"7", b"[]", b'{"prompt_tokens":"x"}', b'{"prompt_tokens":-1}', b'{"total_tokens":9e99}']
)
async def test_a_strange_usage_costs_no_answer(door: Serving, provider: FakeUpstream, usage: bytes) -> None:
    body = b'{"data":[],"usage":%b}' % usage
    provider.script(answer(body=body))
    answered = await door.post("/v1/embeddings", {"model": OA, "input": "x"})
    assert (answered.status, answered.body, (await door.record()).input_tokens) == (200, body, 0)


async def test_speech_comes_piece_by_piece_with_its_type(door: Serving, provider: FakeUpstream) -> None:
    async def first_then_rest(exchange) -> None:
        await exchange.begin({"content-type": "audio/mpeg"})
        await exchange.chunk(SOUND[0])
        await exchange.release.wait()
        await exchange.chunk(SOUND[1])
        await exchange.end()

    provider.script(first_then_rest)
    async with door.session.post("/v1/audio/speech", json=SPEECH) as response:
        assert await response.content.readany() == SOUND[0]  # the provider has not gone on
        assert (response.content_type, response.headers["x-gateway-provider"]) == ("audio/mpeg", "oa")
        provider.release()
        assert await response.read() == SOUND[1]
    assert provider.requests[0].json == {**SPEECH, "model": "gpt-4o"}
    record = await door.record()
    assert (record.endpoint, record.status) == ("audio/speech", "succeeded")
    assert record.time_to_first_token_ms is not None


@pytest.fixture(params=["httptools", Protocol], ids=["any server", "ours"])
async def served(config: Snapshot, request: Any) -> AsyncIterator[Serving]:
    async with Serving(config, protocol=request.param) as serving:
        yield serving


async def test_speech_that_is_cut_is_cut_for_the_caller_too(served: Serving, provider: FakeUpstream) -> None:
    async def cut(exchange) -> None:
        await exchange.begin({"content-type": "audio/mpeg"})
        await exchange.chunk(SOUND[0])
        exchange.close()

    provider.default = cut
    with pytest.raises(aiohttp.ClientPayloadError):
        await served.post("/v1/audio/speech", SPEECH)
    record = await served.record()
    assert (record.status, record.http_status, record.error_code) == ("failed", 200, "upstream_error")


@pytest.mark.parametrize("surface", ["embeddings", "audio/speech"])
async def test_leaving_cancels_the_upstream(served: Serving, provider: FakeUpstream, surface: str) -> None:
    provider.default = held(pieces(SOUND))
    client = await Raw.connect(served)
    await client.send(f"/v1/{surface}", msgspec.json.encode(SPEECH))
    await provider.wait_request()
    client.leave()
    await provider.wait_disconnect()
    record = await served.record()
    assert (record.status, record.http_status, record.endpoint) == ("cancelled", 499, surface)


async def test_leaving_in_the_middle_of_a_sound_cancels_the_upstream(served: Serving, provider: FakeUpstream) -> None:
    async def endless(exchange) -> None:
        await exchange.begin({"content-type": "audio/mpeg"})
        await exchange.chunk(SOUND[0])
        await exchange.release.wait()

    provider.default = endless
    client = await Raw.connect(served)
    await client.send("/v1/audio/speech", msgspec.json.encode(SPEECH))
    await client.until(SOUND[0])
    client.leave()
    await provider.wait_disconnect()
    assert (await served.record()).status == "cancelled"


async def test_completions_stream_as_chats_do(door: Serving, provider: FakeUpstream) -> None:
    answered = await door.post("/v1/completions", {"model": OA, "prompt": "Say", "stream": True})
    told = events(answered.body)
    assert "".join(chunk["choices"][0]["text"] for chunk in told[:-1]) == "one two"
    assert told[-1] == "[DONE]"
    assert provider.requests[0].json["stream_options"] == {"include_usage": True}
    record = await door.record()
    assert (record.endpoint, record.stream, record.input_tokens) == ("completions", True, 2)


async def test_a_stream_of_many_prompts_ends_with_the_last_of_them(door: Serving, provider: FakeUpstream) -> None:
    chunks = [{"choices": [{"index": index, "text": "x", "finish_reason": "stop"}]} for index in (0, 1)]
    written = [b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks]
    provider.script(pieces([*written, b"data: [DONE]\n\n"], pause=0.02))
    answered = await door.post("/v1/completions", {"model": OA, "prompt": ["a", "b"], "stream": True})
    assert [chunk["choices"][0]["index"] for chunk in events(answered.body)[:-1]] == [0, 1]


async def test_the_echo_embeds(door: Serving) -> None:
    async def vectors(**body: object) -> list:
        answered = await door.post("/v1/embeddings", {"model": "e/echo", "input": ["one two", "three"], **body})
        assert answered.json["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
        return [one["embedding"] for one in answered.json["data"]]

    first, second = await vectors()
    assert (len(first), first != second, await vectors() == [first, second]) == (64, True, True)
    assert math.isclose(math.hypot(*first), 1)
    assert [len(vector) for vector in await vectors(dimensions=8)] == [8, 8]
    packed = (await vectors(encoding_format="base64"))[0]
    assert struct.unpack("<64f", base64.b64decode(packed)) == pytest.approx(first, abs=1e-6)
    assert [record.input_tokens for record in await door.records(4)] == [3, 3, 3, 3]


@pytest.mark.parametrize("dimensions", [-1, 10**6, 10**400])
async def test_the_echo_refuses_dimensions_that_it_has_not(door: Serving, dimensions: int) -> None:
    body = b'{"model": "e/echo", "input": "x", "dimensions": %d}' % dimensions
    answered = await door.post("/v1/embeddings", body)
    assert (answered.status, answered.json["error"]["param"]) == (400, "dimensions")


async def test_the_azure_kind_finds_its_surface_beside_its_chat(provider: FakeUpstream) -> None:
    config: Snapshot = snapshot([upstream("az", "azure_openai", provider.url)], ["az/my dep"])
    provider.keys = None
    provider.default = answer(json_body={"data": []})
    async with Serving(config) as door:
        assert (await door.post("/v1/embeddings", {"model": "az/my dep", "input": "x"})).status == 200
    received = provider.requests[0]
    assert received.path == "/openai/deployments/my%20dep/embeddings"
    assert received.query.startswith("api-version=")


async def test_one_call_counts_once(
    door: Serving, provider: FakeUpstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(metrics, "_current", metrics.Metrics(tmp_path))
    provider.script(faults.server_error())
    assert (await door.post("/v1/embeddings", {"model": OA, "input": "x"})).status == 200
    assert (await door.post("/v1/audio/speech", SPEECH)).status == 200
    assert [record.attempts for record in await door.records(2)] == [2, 1]
    found = {(one.family, *one.labels): one.numbers for path in tally.files(tmp_path) for one in tally.read(path)}
    calls = {name[4]: numbers[0] for name, numbers in found.items() if name[0] == metrics.CALLS}
    assert calls == {"embeddings": 1, "audio/speech": 1}
    assert found["active", "embeddings"] == found["active", "audio/speech"] == [0]
    assert sum(numbers[0] for name, numbers in found.items() if name[0] == "attempts") == 3
