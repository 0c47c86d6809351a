"""Whole answers: every answer is closed once, however it ends."""

from __future__ import annotations

import asyncio

import pytest

from llm.adapters.openai import OpenAI
from llm.errors import UpstreamError, UpstreamMalformed, UpstreamRejected, UpstreamUnreachable
from tests.llm.adapters.doubles import CHAT_ANSWER, NEVER, ScriptedAnswer, ScriptedTransport, request, target

REFUSED_INSIDE = b'{"error":{"message":"the-very-secret-key is not for this","type":"invalid_request_error"}}'


def asking(answer: ScriptedAnswer) -> OpenAI:
    return OpenAI(ScriptedTransport(answer))


async def test_an_answer_is_closed() -> None:
    answer = ScriptedAnswer(CHAT_ANSWER)
    result = await asking(answer).complete(request(), target())
    assert (result.body, result.dropped, answer.closed) == (CHAT_ANSWER, (), 1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ScriptedAnswer(b'{"id', UpstreamUnreachable("cut")), UpstreamUnreachable),
        (ScriptedAnswer(b"<html>"), UpstreamMalformed),
        (ScriptedAnswer(b"", status=204), UpstreamMalformed),
        (ScriptedAnswer(b"", status=302), UpstreamMalformed),
        (ScriptedAnswer(b"<html>", status=404), UpstreamRejected),
    ],
)
async def test_a_failed_answer_is_closed(answer: ScriptedAnswer, expected: type[UpstreamError]) -> None:
    with pytest.raises(expected) as caught:
        await asking(answer).complete(request(), target())
    assert type(caught.value) is expected and answer.closed == 1


async def test_an_error_inside_a_good_status_tells_no_secret() -> None:
    with pytest.raises(UpstreamError) as caught:
        await asking(ScriptedAnswer(REFUSED_INSIDE)).complete(request(), target(secret="the-very-secret-key"))
    assert "the-very-secret" not in str(caught.value.args)


async def test_a_cancelled_call_closes_its_answer() -> None:
    answer = ScriptedAnswer(b'{"id', NEVER)
    call = asyncio.create_task(asking(answer).complete(request(), target()))
    await asyncio.wait_for(answer.stuck.wait(), 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert answer.closed == 1
