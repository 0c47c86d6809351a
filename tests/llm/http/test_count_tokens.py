"""POST /v1/messages/count_tokens: counted by the provider that can, estimated for the others."""

from __future__ import annotations

import anthropic
import msgspec
import pytest

from tests.llm.http.serving import Serving, message
from tests.llm.service.snapshots import KEY
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import answer

PATH = "/v1/messages/count_tokens"


async def test_the_provider_counts(door: Serving, provider: FakeUpstream) -> None:
    provider.default = answer(200, json_body={"input_tokens": 42})
    async with anthropic.AsyncAnthropic(base_url=door.url, api_key=KEY) as client:
        found = await client.messages.count_tokens(
            model="an/claude-sonnet-4-5", messages=[{"role": "user", "content": "Hi"}], system="Be brief."
        )
    assert found.input_tokens == 42
    received = await provider.wait_request()
    assert received.path == PATH
    assert (received.json["model"], received.json["system"]) == ("claude-sonnet-4-5", "Be brief.")
    record = await door.record()
    assert (record.endpoint, record.status, record.input_tokens) == ("messages/count_tokens", "succeeded", 0)


@pytest.mark.parametrize("model", ["oa/gpt-4o", "e/echo"])
async def test_for_others_it_is_estimated_and_said_to_be(door: Serving, provider: FakeUpstream, model: str) -> None:
    short = await door.post(PATH, message(model, "x" * 40))
    long = await door.post(PATH, message(model, "x" * 4000))
    assert (short.status, long.status) == (200, 200)
    assert short.headers["x-gateway-dropped"] == "count_tokens.exact"
    assert 10 <= short.json["input_tokens"] < 30 and 1000 <= long.json["input_tokens"] < 1100
    assert provider.requests == []


async def test_a_refusal_of_the_provider_passes_in_its_dialect(door: Serving, provider: FakeUpstream) -> None:
    told = {"type": "error", "error": {"type": "invalid_request_error", "message": "messages: too strange"}}
    provider.default = answer(400, json_body=told)
    found = await door.post(PATH, message("an/claude-sonnet-4-5"))
    assert (found.status, found.json["error"]["type"]) == (400, "invalid_request_error")
    assert "too strange" in found.json["error"]["message"]


@pytest.mark.parametrize("model", ["an/claude-sonnet-4-5", "oa/gpt-4o"])
async def test_bad_input_names_its_field(door: Serving, model: str) -> None:
    found = await door.post(PATH, msgspec.json.encode({"model": model, "messages": "Hello"}))
    assert (found.status, found.json["type"]) == (400, "error")
    assert "messages" in found.json["error"]["message"]
