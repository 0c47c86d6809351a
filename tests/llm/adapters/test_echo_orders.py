"""What an echo is told to do: the same from a model's parameters and from the body, whole and streamed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from llm.adapters.echo import Echo
from llm.errors import GatewayError, UpstreamFailed, UpstreamRateLimited, UpstreamRejected, UpstreamTimeout
from llm.spec import Dialect, Timeouts
from tests.contract import chat_words, messages_words
from tests.contract.talk import Heard
from tests.llm.adapters.doubles import ScriptedTransport, request
from tests.llm.adapters.test_echo import DIALECTS, TARGET
from tests.support.upstream_answers import ToolCall

WORDS: dict[Dialect, Any] = {"openai_chat": chat_words, "anthropic_messages": messages_words}
WAYS = ("parameters", "parameters.echo", "body")
PARIS = {"name": "weather", "arguments": {"city": "Paris"}}


async def told(orders: Any, way: str = "body", dialect: Dialect = "openai_chat", **fields: Any) -> list[Heard]:
    """The answer, whole and streamed."""
    echo, target = Echo(ScriptedTransport()), TARGET
    if way == "body":
        fields["echo"] = orders
    else:
        target = replace(TARGET, parameters=orders if way == "parameters" else {"echo": orders})
    whole = await echo.complete(request(dialect, max_tokens=100, **fields), target)
    assert whole.dropped == ()
    stream = await echo.stream(request(dialect, max_tokens=100, stream=True, **fields), target)
    given = b"".join([piece async for piece in stream])
    assert stream.summary.finish_reason == whole.finish_reason
    return [replace(heard, usage=None) for heard in (WORDS[dialect].read(whole.body), WORDS[dialect].fold(given))]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("way", WAYS)
async def test_it_calls_tools_and_ends_as_told(dialect: Dialect, way: str) -> None:
    for heard in await told({"tool_calls": [PARIS]}, way, dialect):
        assert heard == Heard("", (ToolCall("weather", '{"city":"Paris"}', "call_echo_1"),), "tool_calls", None)
    for heard in await told({"finish_reason": "length", "chunks": 2}, way, dialect):
        assert heard == Heard("Echo: hello", (), "length", None)


async def test_it_calls_the_first_tool_of_the_body_until_it_has_a_result() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("clock", "weather")]
    for heard in await told({"tool_calls": True}, tools=tools):
        assert heard.calls == (ToolCall("clock", "{}", "call_echo_1"),)
    result = [{"role": "user", "content": "time?"}, {"role": "tool", "tool_call_id": "call_echo_1", "content": "noon"}]
    for heard in await told({"tool_calls": True}, tools=tools, messages=result):
        assert (heard.text, heard.calls) == ("Echo: time?", ())


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("status", "error"), [(429, UpstreamRateLimited), (503, UpstreamFailed), (422, UpstreamRejected)]
)
async def test_it_fails_as_a_provider_would(dialect: Dialect, way: str, status: int, error: type[GatewayError]) -> None:
    with pytest.raises(error):
        await told({"error": status}, way, dialect)


@pytest.mark.parametrize("orders", [{"delay_seconds": "x"}, {"error": 200}, {"chunks": 0}, {"unknown": 1}, "text"])
async def test_wrong_orders_are_refused(orders: Any) -> None:
    with pytest.raises(UpstreamRejected, match="echo"):
        await told(orders)


async def test_the_body_goes_over_the_models_parameters() -> None:
    target = replace(TARGET, parameters={"finish_reason": "length", "temperature": 1})
    result = await Echo(ScriptedTransport()).complete(request(echo={"finish_reason": "content_filter"}), target)
    assert result.finish_reason == "content_filter"


async def test_a_streamed_text_comes_in_so_many_pieces() -> None:
    stream = await Echo(ScriptedTransport()).stream(request(stream=True, echo={"chunks": 3}), TARGET)
    given = b"".join([piece async for piece in stream])
    texts = [part for part in given.split(b'"content":"')[1:] if not part.startswith(b'"')]
    assert len(texts) == 3


async def test_it_takes_its_time() -> None:
    began = time.monotonic()
    await told({"delay_seconds": 0.05, "tokens_per_second": 40})
    assert time.monotonic() - began >= 2 * (0.05 + 2 / 40) * 0.9


async def test_it_is_too_slow_for_the_limits_of_a_call() -> None:
    echo, target = Echo(ScriptedTransport()), replace(TARGET, timeouts=Timeouts(first_byte=0.02, idle=0.02))
    with pytest.raises(UpstreamTimeout) as late:
        await echo.complete(request(echo={"delay_seconds": 60}), target)
    assert late.value.phase == "first_byte"
    stream = await echo.stream(request(stream=True, echo={"tokens_per_second": 0.01}), target)
    with pytest.raises(UpstreamTimeout) as stalled:
        async for _ in stream:
            pass
    assert stalled.value.phase == "idle"


async def test_waiting_can_be_cancelled() -> None:
    asking = asyncio.create_task(Echo(ScriptedTransport()).complete(request(echo={"delay_seconds": 20}), TARGET))
    await asyncio.sleep(0)
    asking.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await asking
