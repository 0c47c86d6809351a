"""The end of a stream: when the answer counts as whole, and when the connection is closed."""

from __future__ import annotations

import asyncio

import pytest

from llm.adapters.answer_stream import HttpAnswerStream, Patience
from llm.adapters.openai import OpenAI
from llm.errors import UpstreamError, UpstreamFailed, UpstreamTimeout, UpstreamUnreachable
from llm.spec import Request
from tests.llm.adapters.doubles import DONE, NEVER, USAGE, ScriptedAnswer, ScriptedTransport, chunk, request, target

HELLO = chunk('{"role":"assistant","content":"hello"}')
STOP = chunk(finish="stop")
SHORT = Patience(finish=0.05, drain=0.05)
LONG = Patience(finish=60, drain=60)


async def begin(
    answer: ScriptedAnswer, asked: Request | None = None, *, patience: Patience = SHORT
) -> HttpAnswerStream:
    adapter = OpenAI(ScriptedTransport(answer), patience=patience)
    return await adapter.stream(asked or request(stream=True), target(secret="the-very-secret-key"))


async def rest(stream: HttpAnswerStream) -> bytes:
    async with asyncio.timeout(5):
        return b"".join([piece async for piece in stream])


async def test_a_whole_stream_is_read_to_its_end_and_closed() -> None:
    answer = ScriptedAnswer(HELLO, STOP, USAGE, DONE, b"")
    stream = await begin(answer, patience=LONG)
    assert await rest(stream) == HELLO + STOP + DONE
    assert answer.read_pieces == 5 and answer.closed == 1
    assert stream.summary.usage.output_tokens == 1


@pytest.mark.parametrize("late", [NEVER, UpstreamUnreachable("cut"), UpstreamTimeout("late", phase="idle")])
async def test_a_server_that_keeps_the_connection_delays_nobody(late: Exception | None) -> None:
    answer = ScriptedAnswer(HELLO, STOP, USAGE, DONE, late)
    assert await rest(await begin(answer)) == HELLO + STOP + DONE
    assert answer.closed == 1


@pytest.mark.parametrize("late", [NEVER, UpstreamUnreachable("cut"), UpstreamTimeout("late", phase="idle")])
async def test_after_the_finish_reason_the_answer_is_whole(late: Exception | None) -> None:
    answer = ScriptedAnswer(HELLO, STOP, late)
    stream = await begin(answer)
    assert await rest(stream) == HELLO + STOP + DONE
    assert stream.summary.finished and answer.closed == 1


async def test_with_several_choices_one_finish_reason_is_not_the_end() -> None:
    answer = ScriptedAnswer(HELLO, STOP, UpstreamUnreachable("cut"))
    stream = await begin(answer, request(stream=True, n=2))
    with pytest.raises(UpstreamUnreachable):
        await rest(stream)


@pytest.mark.parametrize("n", [1, None])
async def test_one_choice_may_be_said_in_two_ways(n: int | None) -> None:
    stream = await begin(ScriptedAnswer(HELLO, STOP, UpstreamUnreachable("cut")), request(stream=True, n=n))
    assert (await rest(stream)).endswith(DONE)


async def test_before_the_finish_reason_a_failure_is_a_failure() -> None:
    answer = ScriptedAnswer(HELLO, UpstreamUnreachable("cut"))
    stream = await begin(answer)
    with pytest.raises(UpstreamUnreachable):
        await rest(stream)
    assert answer.closed == 1 and not stream.summary.finished


async def test_what_was_good_before_an_error_is_given_first() -> None:
    answer = ScriptedAnswer(HELLO + b'data: {"error":{"message":"no","type":"server_error"}}\n\n', NEVER)
    stream = await begin(answer, patience=LONG)
    assert await anext(stream) == HELLO
    with pytest.raises(UpstreamFailed):
        await anext(stream)
    assert answer.closed == 1


async def test_an_error_inside_tells_no_secret() -> None:
    words = b'data: {"error":{"message":"the-very-secret-key at api.example is","type":"invalid_request_error"}}\n\n'
    stream = await begin(ScriptedAnswer(words))
    with pytest.raises(UpstreamError) as caught:
        await rest(stream)
    assert not any(word in str(caught.value.args) for word in ("the-very-secret", "api.example"))


async def test_a_cancelled_reader_closes_the_connection() -> None:
    answer = ScriptedAnswer(HELLO, NEVER)
    stream = await begin(answer)
    assert await anext(stream) == HELLO
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.wait_for(answer.stuck.wait(), 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert answer.closed == 1


async def test_closing_twice_is_closing_once() -> None:
    answer = ScriptedAnswer(HELLO, NEVER)
    stream = await begin(answer)
    await stream.aclose()
    await stream.aclose()
    assert answer.closed == 1


async def test_an_answer_that_is_no_stream_is_closed() -> None:
    answer = ScriptedAnswer(b"<html>", content_type="text/html")
    with pytest.raises(UpstreamError):
        await begin(answer)
    assert answer.closed == 1


async def test_a_refusal_whose_body_is_cut_keeps_its_status() -> None:
    answer = ScriptedAnswer(b'{"error"', UpstreamUnreachable("cut"), status=503)
    with pytest.raises(UpstreamFailed) as caught:
        await begin(answer)
    assert type(caught.value) is UpstreamFailed and "503" in str(caught.value)
    assert answer.closed == 1
