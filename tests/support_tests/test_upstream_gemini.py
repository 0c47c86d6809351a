"""The fake upstream as Gemini: it refuses what Google refuses, in Google's form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream

KEY = {"x-goog-api-key": "sk-test"}
HELLO = {"role": "user", "parts": [{"text": "hello"}]}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
RESULT = {"functionResponse": {"name": "f", "response": {"result": "ok"}}}
EMBED = {"model": "models/m", "content": {"parts": [{"text": "a"}]}}
WHOLE, STREAM, BATCH = "m:generateContent", "m:streamGenerateContent", "m:batchEmbedContents"


@pytest.fixture
async def google() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(models={"m"}) as upstream:
        yield upstream


async def post(google: FakeUpstream, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    url = f"{google.url}/v1beta/models/{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body, headers=KEY if headers is None else headers) as answer,
    ):
        return answer.status, await (answer.json() if answer.content_type == "application/json" else answer.text())


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (WHOLE, {"contents": [HELLO]}, 200),
        (f"{STREAM}?alt=sse", {"contents": [HELLO]}, 200),
        (STREAM, {"contents": [HELLO]}, 400),
        ("other:generateContent", {"contents": [HELLO]}, 404),
        ("m:unheardOf", {"contents": [HELLO]}, 404),
        (WHOLE, {}, 400),
        (WHOLE, {"contents": []}, 400),
        (WHOLE, {"contents": [HELLO], "model": "m"}, 400),
        (WHOLE, {"contents": [HELLO], "stream": False}, 400),
        (WHOLE, {"contents": [HELLO], "max_tokens": 5}, 400),
        (WHOLE, {"contents": [HELLO], "generationConfig": {"maxOutputTokens": 5}}, 200),
        (WHOLE, {"contents": [HELLO], "generationConfig": {"max_tokens": 5}}, 400),
        (WHOLE, {"contents": [HELLO], "generationConfig": 5}, 400),
        (WHOLE, {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, 400),
        (WHOLE, {"contents": [{"role": "user", "parts": []}]}, 400),
        (WHOLE, {"contents": [{"role": "user", "parts": [{"type": "text"}]}]}, 400),
        (WHOLE, {"contents": [HELLO, CALL, {"role": "user", "parts": [RESULT]}]}, 200),
        (WHOLE, {"contents": [HELLO, CALL, HELLO]}, 400),
        (WHOLE, {"contents": [HELLO, CALL]}, 400),
        (WHOLE, {"contents": [{"role": "user", "parts": [RESULT]}]}, 400),
        (BATCH, {"requests": [EMBED, EMBED]}, 200),
        (BATCH, {"requests": []}, 400),
        (BATCH, {"requests": [{**EMBED, "model": "m"}]}, 400),
        (BATCH, {"requests": [{**EMBED, "content": {"parts": [{"text": ""}]}}]}, 400),
    ],
)
async def test_requests_are_checked(google: FakeUpstream, path: str, body: object, status: int) -> None:
    got, told = await post(google, path, body)
    assert got == status, told
    assert status == 200 or told["error"]["code"] == status


@pytest.mark.parametrize("headers", [{}, {"x-goog-api-key": "wrong"}, {"authorization": "Bearer sk-test"}])
async def test_a_wrong_key_is_a_bad_request_with_a_reason(google: FakeUpstream, headers: dict[str, str]) -> None:
    status, told = await post(google, WHOLE, {"contents": [HELLO]}, headers)
    assert (status, told["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert told["error"]["details"][0]["reason"] == "API_KEY_INVALID"


async def test_the_wait_stands_in_the_body(google: FakeUpstream) -> None:
    google.script(faults.rate_limited(7))
    status, told = await post(google, WHOLE, {"contents": [HELLO]})
    assert (status, told["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert told["error"]["details"][-1]["retryDelay"] == "7s"


@pytest.mark.parametrize(
    ("calling", "named"),
    [({"mode": "AUTO"}, None), ({"mode": "ANY"}, "f"), ({"mode": "ANY", "allowedFunctionNames": ["g"]}, "g")],
)
async def test_a_forced_call_is_made(google: FakeUpstream, calling: dict[str, object], named: str | None) -> None:
    tools = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
    body = {"contents": [HELLO], "tools": tools, "toolConfig": {"functionCallingConfig": calling}}
    _, told = await post(google, WHOLE, body)
    (part,) = told["candidates"][0]["content"]["parts"]
    assert part.get("functionCall", {}).get("name") == named
    assert named is not None or part == {"text": "echo: hello"}
