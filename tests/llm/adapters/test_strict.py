"""A strict request: what a provider cannot be told is refused before anything is sent."""

from __future__ import annotations

import msgspec
import pytest

from llm.adapters.anthropic import Anthropic
from llm.adapters.azure_openai import AzureOpenAI
from llm.adapters.echo import Echo
from llm.adapters.gemini import Gemini
from llm.adapters.http_adapter import HttpAdapter
from llm.adapters.openai import OpenAI
from llm.adapters.openai_compatible import OpenAICompatible
from llm.errors import Unsupported, UpstreamError
from llm.spec import Dialect, Request
from tests.llm.adapters.doubles import (
    CHAT_ANSWER,
    DONE,
    MESSAGE_ANSWER,
    ScriptedAnswer,
    ScriptedTransport,
    chunk,
    request,
    target,
)

LOST: list[tuple[type[HttpAdapter], Dialect, str, object, str]] = [
    (Anthropic, "openai_chat", "seed", 7, "https://api.example"),
    (Gemini, "openai_chat", "logit_bias", {"5": 1}, "https://api.example"),
    (OpenAI, "anthropic_messages", "top_k", 4, "https://api.example/v1"),
    (AzureOpenAI, "anthropic_messages", "top_k", 4, "https://api.example"),
    (OpenAICompatible, "openai_chat", "user", "u", "https://api.mistral.ai/v1"),
    (Echo, "anthropic_messages", "top_k", 4, ""),
]


@pytest.mark.parametrize(("kind", "dialect", "field", "value", "base_url"), LOST)
@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_sent_of_what_would_lose_a_field(
    kind: type[HttpAdapter], dialect: Dialect, field: str, value: object, base_url: str, stream: bool
) -> None:
    transport = ScriptedTransport()
    adapter, where = kind(transport), target(base_url=base_url)
    asked = msgspec.structs.replace(request(dialect, stream=stream, max_tokens=5, **{field: value}), strict=True)
    with pytest.raises(Unsupported) as caught:
        await (adapter.stream if stream else adapter.complete)(asked, where)
    error = caught.value
    assert (error.status, error.code, error.param, error.retryable) == (400, "invalid_request", field, False)
    assert f"'{field}'" in error.message and "drop" in error.message
    assert not isinstance(error, UpstreamError) and transport.sent == []


@pytest.mark.parametrize(("kind", "answer"), [(OpenAI, CHAT_ANSWER), (Anthropic, MESSAGE_ANSWER)])
async def test_what_loses_nothing_is_sent(kind: type[HttpAdapter], answer: bytes) -> None:
    transport = ScriptedTransport(ScriptedAnswer(answer, content_type="application/json"))
    result = await kind(transport).complete(msgspec.structs.replace(request(max_tokens=5), strict=True), target())
    assert result.dropped == () and len(transport.sent) == 1


async def test_a_request_that_is_not_strict_is_told_what_was_lost() -> None:
    answer = ScriptedAnswer(MESSAGE_ANSWER, content_type="application/json")
    result = await Anthropic(ScriptedTransport(answer)).complete(request(max_tokens=5, seed=7), target())
    assert result.dropped == ("seed",)


async def test_within_one_dialect_nothing_can_be_lost() -> None:
    transport = ScriptedTransport(ScriptedAnswer(chunk('{"content":"hi"}', "stop"), DONE))
    asked = msgspec.structs.replace(request(stream=True, seed=7, what_nobody_knows=1), strict=True)
    stream = await OpenAI(transport).stream(asked, target())
    assert stream.dropped == () and len(transport.sent) == 1
    await stream.aclose()


async def test_embeddings_in_other_words() -> None:
    fields = {"input": msgspec.Raw(b'"hi"'), "user": msgspec.Raw(b'"u"')}
    transport = ScriptedTransport()
    asked = Request("openai_chat", "asked", fields, surface="embeddings", strict=True)
    with pytest.raises(Unsupported) as caught:
        await Gemini(transport).relay(asked, target(base_url="https://api.example"))
    assert caught.value.param == "user" and transport.sent == []
