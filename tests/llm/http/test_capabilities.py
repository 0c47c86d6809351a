"""Models that say what they can do: callers of every dialect, over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm.snapshot import Model, Route, RoutePolicy, RouteTarget
from tests.llm.http.serving import Serving, chat, events, message
from tests.llm.service.snapshots import anthropic, openai, snapshot
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import answer, pieces

PLAIN, ABLE, SILENT, RELAYED = "oa/plain", "an/able", "oa/silent", "an/plain"
ADDRESS = "https://x.example/a.png"
STREAM = (Path(__file__).parents[2] / "fixtures" / "streams" / "responses_text.sse").read_bytes()
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def response(model: str, content: Any = "Hello there", **fields: object) -> dict[str, object]:
    given = content if isinstance(content, str) else [{"role": "user", "content": content}]
    return {"model": model, "input": given, **fields}


DOORS = {"/v1/chat/completions": chat, "/v1/messages": message, "/v1/responses": response}
TOOLS = {
    "/v1/chat/completions": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "/v1/messages": [{"name": "f", "input_schema": SCHEMA}],
    "/v1/responses": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}],
}
IMAGES: dict[str, Any] = {
    "/v1/chat/completions": {"type": "image_url", "image_url": {"url": ADDRESS}},
    "/v1/messages": {"type": "image", "source": {"type": "url", "url": ADDRESS}},
    "/v1/responses": {"type": "input_image", "image_url": ADDRESS, "detail": "auto"},
}
CONVERSATION = {"/v1/chat/completions": "messages", "/v1/messages": "messages", "/v1/responses": "input"}
ASKED = [(path, feature) for path in DOORS for feature in ("tools", "vision")]


def body(path: str, feature: str, model: str, **fields: object) -> dict[str, object]:
    made: Any = DOORS[path]
    if feature == "tools":
        return dict(made(model, tools=TOOLS[path], **fields))
    return dict(made(model, [IMAGES[path]], **fields))


def answering(provider: FakeUpstream, path: str, *, stream: bool = False) -> None:
    """The fake provider knows chat completions and messages by itself."""
    if path == "/v1/responses" and stream:
        provider.script(pieces([STREAM]))
    elif path == "/v1/responses":
        (last,) = [event for event in events(STREAM) if event["type"] == "response.completed"]
        provider.script(answer(body=msgspec.json.encode(last["response"])))


def model(name: str, *words: str) -> Model:
    return Model(*name.split("/"), capabilities=frozenset(words))


@pytest.fixture
async def door(provider: FakeUpstream) -> AsyncIterator[Serving]:
    """Models with nothing but text, with all of it, and one that does not say; the route `both`: plain, then able."""
    models = [model(PLAIN, "text"), model(RELAYED, "text"), model(ABLE, "tools", "vision", "reasoning"), model(SILENT)]
    targets = (RouteTarget("oa", "plain"),)
    both = Route("both", targets, (RouteTarget("an", "able"),), policy=RoutePolicy(retries=0))
    config = snapshot([openai("oa", provider.url), anthropic("an", provider.url)], models, [both])
    async with Serving(config) as serving:
        yield serving


@pytest.mark.parametrize("name", [PLAIN, RELAYED])
@pytest.mark.parametrize(("path", "feature"), ASKED)
async def test_a_model_without_it_is_a_400_that_names_the_field(
    door: Serving, provider: FakeUpstream, path: str, feature: str, name: str
) -> None:
    answered = await door.post(path, body(path, feature, name))
    assert answered.status == 400, answered.body
    error = answered.json["error"]
    what = "tools" if feature == "tools" else "images"
    wanted = f"The model '{name}' does not support {what}: '{feature}' is not among its capabilities."
    if path == "/v1/messages":
        assert error["type"] == "invalid_request_error" and wanted in error["message"]
    else:
        field = "tools" if feature == "tools" else CONVERSATION[path]
        assert error["message"] == wanted
        assert (error["code"], error["param"], error["source"]) == ("invalid_request", field, "gateway")
    assert answered.headers["x-should-retry"] == "false"
    assert provider.requests == []
    record = await door.record()
    assert (record.status, record.http_status, record.error_code) == ("failed", 400, "invalid_request")
    assert (record.requested_model, record.attempts) == (name, 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "feature"), ASKED)
async def test_a_fallback_that_can_answers(
    door: Serving, provider: FakeUpstream, path: str, feature: str, stream: bool
) -> None:
    answered = await door.post(path, body(path, feature, "both", stream=stream))
    assert answered.status == 200, answered.body
    assert (answered.headers["x-gateway-provider"], answered.headers["x-gateway-model"]) == ("an", "able")
    assert answered.headers["x-gateway-attempts"] == "1"
    (received,) = provider.requests
    assert received.path == "/v1/messages"
    sent: Any = received.json
    if feature == "tools":
        assert [tool["name"] for tool in sent["tools"]] == ["f"]
    else:
        assert sent["messages"][0]["content"][0]["source"]["url"] == ADDRESS


@pytest.mark.parametrize(("path", "feature"), ASKED)
async def test_a_model_that_does_not_say_is_never_refused(
    door: Serving, provider: FakeUpstream, path: str, feature: str
) -> None:
    answering(provider, path)
    answered = await door.post(path, body(path, feature, SILENT))
    assert answered.status == 200, answered.body
    assert answered.headers["x-gateway-model"] == "silent"
    assert len(provider.requests) == 1


@pytest.mark.parametrize("path", DOORS)
async def test_a_text_about_images_is_a_text(door: Serving, provider: FakeUpstream, path: str) -> None:
    answering(provider, path)
    made: Any = DOORS[path]
    answered = await door.post(path, made(PLAIN, 'What is {"type": "image_url"}, "input_image" and "image"?'))
    assert answered.status == 200, answered.body


REASONING = [
    ("/v1/chat/completions", "reasoning_effort", "high", PLAIN),
    ("/v1/responses", "reasoning", {"effort": "high"}, PLAIN),
    ("/v1/messages", "thinking", {"type": "enabled", "budget_tokens": 1024}, RELAYED),
    ("/v1/chat/completions", "reasoning_effort", "high", RELAYED),
    ("/v1/messages", "thinking", {"type": "enabled", "budget_tokens": 1024}, PLAIN),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "name", "value", "asked"), REASONING)
async def test_reasoning_is_dropped_and_named(
    door: Serving, provider: FakeUpstream, path: str, name: str, value: object, asked: str, stream: bool
) -> None:
    answering(provider, path, stream=stream)
    made: Any = DOORS[path]
    limit = {"max_tokens": 2048} if path == "/v1/messages" else {}
    answered = await door.post(path, made(asked, stream=stream, **{name: value}, **limit))
    assert answered.status == 200, answered.body
    assert answered.headers["x-gateway-dropped"] == name
    sent: Any = provider.requests[0].json
    assert not sent.keys() & {"reasoning_effort", "reasoning", "thinking", "output_config"}


async def test_what_the_dialect_drops_too_is_named_beside_it(door: Serving) -> None:
    answered = await door.post("/v1/chat/completions", chat(RELAYED, reasoning_effort="low", seed=1))
    assert (answered.status, answered.headers["x-gateway-dropped"]) == (200, "reasoning_effort,seed")


async def test_only_what_the_answering_model_lacks_is_dropped(door: Serving, provider: FakeUpstream) -> None:
    provider.script(faults.server_error())
    answered = await door.post("/v1/chat/completions", chat("both", reasoning_effort="low"))
    assert (answered.status, answered.headers["x-gateway-model"]) == (200, "able")
    assert "x-gateway-dropped" not in answered.headers
    first, second = (received.json for received in provider.requests)
    assert isinstance(first, dict) and isinstance(second, dict)
    assert "reasoning_effort" not in first
    assert second.keys() & {"thinking", "output_config"}


async def test_tokens_are_counted_whatever_the_model_can(door: Serving, provider: FakeUpstream) -> None:
    provider.script(answer(body=b'{"input_tokens":14}'))
    counted = body("/v1/messages", "vision", RELAYED, tools=TOOLS["/v1/messages"])
    answered = await door.post("/v1/messages/count_tokens", counted)
    assert answered.status == 200, answered.body
    assert answered.json == {"input_tokens": 14}
