"""Every door that is promised is there: it wants a key and one method, and refuses in its own dialect."""

from __future__ import annotations

import pytest

from tests.llm.http.serving import Serving
from tests.support.upstream import FakeUpstream

OPENAI = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/audio/speech",
    "/v1/moderations",
    "/v1/rerank",
    "/generate",
]
ANTHROPIC = ["/v1/messages", "/v1/messages/count_tokens"]


@pytest.mark.parametrize("path", [*OPENAI, *ANTHROPIC])
async def test_a_door_wants_a_key(door: Serving, provider: FakeUpstream, path: str) -> None:
    answered = await door.post(path, {}, authorization="Bearer gw-wrong")
    error = answered.json["error"]
    assert answered.status == 401
    assert error["type"] == ("authentication_error" if path in ANTHROPIC else "invalid_request_error")
    assert path in ANTHROPIC or (error["code"], error["source"]) == ("invalid_api_key", "gateway")
    assert answered.headers["x-should-retry"] == "false"
    assert provider.requests == []
    record = await door.record()
    assert (record.http_status, record.endpoint) == (401, path.removeprefix("/v1").removeprefix("/"))


@pytest.mark.parametrize("path", [*OPENAI, *ANTHROPIC])
async def test_a_door_takes_one_method(door: Serving, path: str) -> None:
    answered = await door.get(path)
    assert (answered.status, answered.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/oa/gpt-4o"])
@pytest.mark.parametrize(("named", "shape"), [({}, "object"), ({"anthropic_version": "2023-06-01"}, "type")])
async def test_models_want_a_key_in_both_shapes(door: Serving, path: str, named: dict[str, str], shape: str) -> None:
    one = await door.get(path, **named)
    assert one.status == 200
    described = one.json["data"][0] if "data" in one.json else one.json
    assert described[shape] == "model"
    assert (await door.get(path, authorization="Bearer gw-wrong", **named)).status == 401


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/audio", "/v1/completions/1", "/v1/uploads"])
async def test_what_is_no_door_says_so(door: Serving, path: str) -> None:
    answered = await door.post(path, {})
    assert (answered.status, answered.json["error"]["code"]) == (404, "unknown_url")
