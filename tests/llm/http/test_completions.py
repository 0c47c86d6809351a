"""The older completions: passed through to kinds that have them, a conversation to all others."""

from __future__ import annotations

import openai as official
import pytest

from llm.snapshot import Route, RouteTarget
from tests.llm.http.serving import Serving, events
from tests.llm.http.test_sdks import openai_client
from tests.llm.service.snapshots import anthropic, openai, snapshot, upstream
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import text

PATH = "/v1/completions"
AN, ECHO = "an/claude-sonnet-4-5", "e/echo"


@pytest.mark.parametrize(("model", "said"), [(AN, "Hello there"), (ECHO, "Echo: Say it")])
async def test_the_official_client_completes_with_any_kind(
    door: Serving, provider: FakeUpstream, model: str, said: str
) -> None:
    provider.script(text("Hello there"), text("Hello there"))
    async with openai_client(door) as client:
        whole = await client.completions.create(model=model, prompt="Say it", max_tokens=50)
        stream = await client.completions.create(
            model=model, prompt="Say it", max_tokens=50, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert (whole.object, whole.choices[0].text, whole.choices[0].finish_reason) == ("text_completion", said, "stop")
    assert whole.usage is not None and whole.usage.completion_tokens > 0
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == said
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage and chunks[-1].choices == []
    first, second = await door.records(2)
    assert (first.endpoint, first.stream, second.stream, second.status) == ("completions", False, True, "succeeded")
    assert first.output_tokens == second.output_tokens == whole.usage.completion_tokens


async def test_the_provider_is_asked_in_its_own_words(door: Serving, provider: FakeUpstream) -> None:
    body = {"model": AN, "prompt": ["Say it"], "stop": "x", "logit_bias": {"1": 2}, "user": "ann"}
    answered = await door.post(PATH, body)
    assert answered.status == 200, answered.body
    (received,) = provider.requests
    assert received.path == "/v1/messages"
    asked = received.json
    assert asked["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say it"}]}]
    assert (asked["model"], asked["max_tokens"], asked["stop_sequences"]) == ("claude-sonnet-4-5", 16, ["x"])
    assert answered.headers["x-gateway-dropped"] == "logit_bias"


async def test_usage_of_a_stream_only_if_asked_for(door: Serving) -> None:
    told = events((await door.post(PATH, {"model": AN, "prompt": "Say", "stream": True})).body)
    assert told[-1] == "[DONE]"
    assert all("usage" not in chunk and len(chunk["choices"]) == 1 for chunk in told[:-1])
    assert (await door.record()).output_tokens > 0


REFUSED: list[tuple[str, object]] = [
    ("n", 2),
    ("best_of", 2),
    ("echo", True),
    ("suffix", "end"),
    ("logprobs", 0),
    ("prompt", ["a", "b"]),
    ("prompt", [1, 2]),
    ("prompt", [[1, 2]]),
]


@pytest.mark.parametrize("model", [AN, ECHO])
@pytest.mark.parametrize(("field", "value"), REFUSED)
async def test_what_a_conversation_cannot_be_asked_is_refused_by_name(
    door: Serving, provider: FakeUpstream, model: str, field: str, value: object
) -> None:
    answered = await door.post(PATH, {"model": model, "prompt": "Say", field: value})
    error = answered.json["error"]
    assert (answered.status, error["code"], error["param"]) == (400, "invalid_request", field)
    assert provider.requests == []
    assert (await door.record()).http_status == 400


async def test_a_chain_of_fallbacks_may_mix_both(provider: FakeUpstream) -> None:
    targets = (RouteTarget("oa", "m"), RouteTarget("an", "m", priority=2), RouteTarget("e", "m", priority=3))
    upstreams = [openai("oa", provider.url), anthropic("an", provider.url), upstream("e")]
    provider.script(faults.server_error(), faults.server_error())
    async with Serving(snapshot(upstreams, ["oa/m", "an/m", "e/m"], [Route("r", targets)])) as door:
        answered = await door.post(PATH, {"model": "r", "prompt": "Say it", "max_tokens": 9})
        assert answered.json["choices"][0]["text"] == "Echo: Say it"
        record = await door.record()
    assert [one.path for one in provider.requests] == ["/v1/completions", "/v1/messages"]
    assert provider.requests[0].json == {"model": "m", "prompt": "Say it", "max_tokens": 9}
    assert (record.attempts, record.provider, record.status) == (3, "e", "succeeded")


async def test_errors_have_openais_form(door: Serving, provider: FakeUpstream) -> None:
    provider.default = faults.refuse(400, "No such thing.")
    async with openai_client(door) as client:
        with pytest.raises(official.BadRequestError, match="No such thing"):
            await client.completions.create(model=AN, prompt="Say")
    provider.default = faults.cut(5)
    told = events((await door.post(PATH, {"model": AN, "prompt": "Say", "stream": True})).body)
    assert told[-1]["error"]["code"] == "upstream_error"
    assert [record.status for record in await door.records(2)] == ["failed", "failed"]
