"""Azure: where a deployment is, which version is asked for, and which header carries what kind of secret."""

from __future__ import annotations

from typing import Any

import pytest

from llm.adapters.azure_openai import DEFAULT_API_VERSION, AzureOpenAI
from llm.spec import Dialect
from llm.transport.base import Outbound
from tests.contract import chat_words, messages_words
from tests.llm.adapters.doubles import (
    CHAT_ANSWER,
    DONE,
    USAGE,
    ScriptedAnswer,
    ScriptedTransport,
    chunk,
    request,
    target,
)

CHAT = "openai/deployments/served/chat/completions"
FILTERED = b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}\n\n'


async def sent(**changes: Any) -> Outbound:
    transport = ScriptedTransport(ScriptedAnswer(CHAT_ANSWER, content_type="application/json"))
    await AzureOpenAI(transport).complete(request(), target(kind="azure_openai", **changes))
    return transport.sent[0]


@pytest.mark.parametrize("base", ["https://r.example", "https://r.example/", "https://r.example/openai"])
async def test_a_deployment_has_an_address_of_its_own(base: str) -> None:
    assert (await sent(base_url=base)).url == f"https://r.example/{CHAT}?api-version={DEFAULT_API_VERSION}"


async def test_the_operators_version_is_asked_for_and_stays_out_of_the_body() -> None:
    outbound = await sent(base_url="https://r.example", options={"api_version": "2025-04-01-preview"})
    assert outbound.url == f"https://r.example/{CHAT}?api-version=2025-04-01-preview"
    assert b"api_version" not in outbound.body


async def test_names_cannot_leave_their_place_in_the_address() -> None:
    options = {"api_version": "1&x=2"}
    outbound = await sent(base_url="https://r.example", model_id="../a/b?c", options=options)
    assert outbound.url == (
        "https://r.example/openai/deployments/..%2Fa%2Fb%3Fc/chat/completions?api-version=1%26x%3D2"
    )


@pytest.mark.parametrize(
    ("secret", "header", "value"),
    [
        ("0123abcd", "api-key", "0123abcd"),
        ("eyJ0eXAi.eyJhdWQi.c2ln-_", "authorization", "Bearer eyJ0eXAi.eyJhdWQi.c2ln-_"),
        ("eyJ0eXAi.eyJhdWQi", "api-key", "eyJ0eXAi.eyJhdWQi"),
        ("abc.def.ghi", "api-key", "abc.def.ghi"),
    ],
)
async def test_a_token_and_a_key_go_in_their_own_headers(secret: str, header: str, value: str) -> None:
    headers = (await sent(secret=secret)).headers
    assert {name: text for name, text in headers.items() if secret in text} == {header: value}


@pytest.mark.parametrize(("dialect", "words"), [("openai_chat", chat_words), ("anthropic_messages", messages_words)])
async def test_a_stream_may_begin_with_what_a_filter_found(dialect: Dialect, words: Any) -> None:
    pieces = (FILTERED, chunk('{"role":"assistant","content":"hi"}'), chunk(finish="stop"), USAGE, DONE)
    adapter = AzureOpenAI(ScriptedTransport(ScriptedAnswer(*pieces)))
    stream = await adapter.stream(request(dialect, stream=True, max_tokens=5), target(kind="azure_openai"))
    given = b"".join([piece async for piece in stream])
    assert (FILTERED in given) == (dialect == "openai_chat")
    heard = words.fold(given.replace(FILTERED, b""))
    assert (heard.text, heard.finish, stream.summary.finished) == ("hi", "stop", True)
