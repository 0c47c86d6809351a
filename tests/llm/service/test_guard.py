"""What is held back of a stream's beginning, and that what dies while it is held is an error for who asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from llm.adapters.answer_stream import HttpAnswerStream, Patience
from llm.adapters.anthropic import Anthropic
from llm.adapters.gemini import Gemini
from llm.adapters.http_adapter import HttpAdapter
from llm.adapters.openai import OpenAI
from llm.errors import (
    RecordNotWritten,
    UpstreamContentFiltered,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from llm.observe.record import CallRecord, Sink
from llm.observe.spool import MemorySink
from llm.service import Gateway, StreamReply, guard
from llm.service.guard import Opening, Terms, opening
from llm.snapshot import Holder, Route, RoutePolicy, RouteTarget, StreamGuard
from llm.spec import Dialect
from tests.llm.adapters.doubles import DONE, NEVER, USAGE, ScriptedAnswer, ScriptedTransport, chunk, request, target
from tests.llm.service.scripted import Ticking, call
from tests.llm.service.snapshots import snapshot, upstream

ROLE = chunk('{"role":"assistant","content":""}')
STOP = chunk(finish="stop")
FINISH = StreamGuard(characters=None)
PING = b": keep-alive\n\n"
STALL = UpstreamTimeout("The provider's answer stalled.", phase="idle")
CUT = UpstreamUnreachable("The provider's answer was cut off.")
GARBAGE = b"data: {not json\n\n"


def say(text: str) -> bytes:
    return chunk(json.dumps({"content": text}))


class Scene:
    """One stream of an adapter over `pieces`; `open` holds its beginning."""

    def __init__(
        self, *pieces: bytes | Exception | None, kind: type[HttpAdapter] = OpenAI, caller: Dialect = "openai_chat"
    ) -> None:
        self.answer = ScriptedAnswer(*pieces)
        self.begun_after: list[int] = []
        self._kind, self._caller = kind, caller
        self.stream: HttpAnswerStream
        self.pieces: AsyncIterator[bytes]

    async def open(
        self, held: StreamGuard | None = None, *, first_token: float = 5.0, refuse_filtered: bool = False
    ) -> Opening:
        adapter = self._kind(ScriptedTransport(self.answer), patience=Patience(finish=0.05, drain=0.05))
        asked = request(self._caller, stream=True, max_tokens=9)
        self.stream = await adapter.stream(asked, target(kind=self._kind.__name__.lower()))
        self.pieces = aiter(self.stream)
        terms = Terms(self._caller, held, first_token, self._begun, refuse_filtered)
        async with asyncio.timeout(5):
            return await opening(self.stream, self.pieces, terms)

    def _begun(self) -> None:
        self.begun_after.append(self.answer.read_pieces)


async def test_without_a_guard_the_first_word_goes_at_once() -> None:
    scene = Scene(ROLE + say("Hi"), NEVER)
    assert await scene.open() == Opening(ROLE + say("Hi"), "begun")
    assert scene.begun_after == [1]


async def test_a_role_and_comments_are_no_answer_yet() -> None:
    scene = Scene(PING, ROLE, PING, say("Hi"), NEVER)
    assert await scene.open() == Opening(PING + ROLE + PING + say("Hi"), "begun")
    assert scene.begun_after == [4]


async def test_a_translated_beginning_is_no_answer_yet() -> None:
    scene = Scene(ROLE, say("Hi"), NEVER, caller="anthropic_messages")
    opened = await scene.open()
    assert b"message_start" in opened.data and b'"Hi"' in opened.data and scene.begun_after == [2]


@pytest.mark.parametrize("held", [None, StreamGuard(characters=200), FINISH])
@pytest.mark.parametrize("pieces", [(ROLE, NEVER), (PING, NEVER), (ROLE, PING, ROLE, NEVER)])
async def test_who_says_nothing_is_late(pieces: tuple[bytes | None, ...], held: StreamGuard | None) -> None:
    scene = Scene(*pieces)
    with pytest.raises(UpstreamTimeout) as caught:
        await scene.open(held, first_token=0.02)
    assert (caught.value.phase, caught.value.retryable) == ("first_token", True)
    assert (scene.begun_after, scene.answer.closed) == ([], 1)


async def test_a_limit_that_is_over_is_over() -> None:
    with pytest.raises(UpstreamTimeout):
        await Scene(ROLE, NEVER).open(first_token=-1)


async def test_who_has_begun_is_not_late_while_more_is_held() -> None:
    """The rest has its own limits: between two pieces, and over all."""
    scene = Scene(say("a"), NEVER)
    opened = asyncio.ensure_future(scene.open(StreamGuard(characters=5), first_token=0.02))
    await scene.answer.stuck.wait()
    done, _ = await asyncio.wait([opened], timeout=0.1)
    assert not done and scene.begun_after == [1]
    opened.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opened
    assert scene.answer.closed == 1


async def test_who_begins_after_a_role_is_not_late_either() -> None:
    scene = Scene(ROLE, say("a"), NEVER)
    opened = asyncio.ensure_future(scene.open(FINISH, first_token=0.02))
    done, _ = await asyncio.wait([opened], timeout=0.1)
    assert not done and scene.begun_after == [2]
    opened.cancel()


async def test_the_first_characters_are_held() -> None:
    scene = Scene(ROLE, say("abc"), say("de"), say("fgh"), say("ijk"), NEVER)
    opened = await scene.open(StreamGuard(characters=8))
    assert opened == Opening(ROLE + say("abc") + say("de") + say("fgh"), "guarded")
    assert scene.begun_after == [2]


async def test_arguments_of_calls_and_thoughts_are_characters_too() -> None:
    call = chunk('{"tool_calls":[{"index":0,"id":"c","function":{"name":"now","arguments":"{}"}}]}')
    thought = chunk('{"reasoning_content":"Hmm"}')
    scene = Scene(ROLE, thought, call, NEVER)
    assert await scene.open(StreamGuard(characters=8)) == Opening(ROLE + thought + call, "guarded")


@pytest.mark.parametrize(("characters", "why"), [(3, "guarded"), (4, "finished"), (None, "finished")])
async def test_a_short_answer_is_given_whole(characters: int | None, why: str) -> None:
    scene = Scene(ROLE, say("abc"), STOP, USAGE, DONE)
    opened = await scene.open(StreamGuard(characters=characters))
    rest = b"".join([piece async for piece in scene.pieces])
    assert opened.why == why
    assert opened.data + rest == ROLE + say("abc") + STOP + DONE
    assert (rest == b"") == (why == "finished")
    assert scene.stream.summary.finished and scene.answer.closed == 1


async def test_all_in_one_piece() -> None:
    scene = Scene(ROLE + say("abc") + STOP + USAGE + DONE)
    assert await scene.open() == Opening(ROLE + say("abc") + STOP + DONE, "finished")


@pytest.mark.parametrize("end", [STALL, CUT, GARBAGE, b""])
@pytest.mark.parametrize("held", [StreamGuard(characters=200), FINISH])
async def test_what_dies_while_it_is_held_was_never_seen(end: Exception | bytes, held: StreamGuard) -> None:
    scene = Scene(ROLE, say("It was a dark "), say("and stormy night"), end)
    with pytest.raises(UpstreamError) as caught:
        await scene.open(held)
    assert caught.value.retryable and not scene.stream.summary.finished
    assert scene.answer.closed == 1


@pytest.mark.parametrize("end", [STALL, CUT, GARBAGE])
async def test_what_dies_before_its_first_word_was_never_seen(end: Exception | bytes) -> None:
    with pytest.raises(UpstreamError):
        await Scene(ROLE, PING, end).open()


async def test_an_error_that_is_told_in_the_stream() -> None:
    told = b'data: {"error":{"message":"overloaded","type":"server_error","code":"x"}}\n\n'
    with pytest.raises(UpstreamFailed):
        await Scene(ROLE + say("abc") + told).open(FINISH)


async def test_nothing_at_all_is_no_answer() -> None:
    with pytest.raises(UpstreamMalformed):
        await Scene(b"").open()


async def test_a_break_behind_one_of_two_ends_is_no_end() -> None:
    """What is finished is read to its end before it is given, and the end of one choice is not that of both."""
    scene = Scene(say("a"), chunk('{"content":"b"}', index=1), chunk(finish="stop"), CUT)
    with pytest.raises(UpstreamUnreachable):
        await scene.open(FINISH)


async def test_there_is_a_bound_on_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_HELD", 1000)
    scene = Scene(ROLE, *[say("0123456789") for _ in range(20)], NEVER)
    opened = await scene.open(FINISH)
    assert opened.why == "full" and 1000 < len(opened.data) < 1400


async def test_a_bound_also_on_what_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_HELD", 100)
    assert (await Scene(*[PING] * 20, NEVER).open()).why == "full"


async def test_messages_and_silent_thinking() -> None:
    def told(**fields: object) -> bytes:
        return f"event: {fields['type']}\ndata: {json.dumps(fields)}\n\n".encode()

    begin = told(type="message_start", message={"id": "m", "usage": {}}) + told(type="ping")
    thinking = told(type="content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
    scene = Scene(begin, told(type="ping"), thinking, NEVER, kind=Anthropic, caller="anthropic_messages")
    assert (await scene.open()).data == begin + told(type="ping") + thinking
    assert scene.begun_after == [3]


BLOCKED = b'data: {"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}\n\n'
FILTERED = [ROLE, chunk(finish="content_filter"), DONE]


async def test_an_answer_that_was_filtered_away_is_an_error_where_that_is_asked_for() -> None:
    with pytest.raises(UpstreamContentFiltered):
        await Scene(*FILTERED).open(refuse_filtered=True)
    with pytest.raises(UpstreamContentFiltered):
        await Scene(BLOCKED, kind=Gemini).open(refuse_filtered=True)
    assert (await Scene(*FILTERED).open()).why == "finished"
    said = [ROLE + say("abc") + chunk(finish="content_filter"), DONE]
    assert (await Scene(*said).open(refuse_filtered=True)).why == "finished"


async def test_bytes_of_another_kind_are_not_looked_at() -> None:
    scene = Scene(ROLE, NEVER)
    adapter = OpenAI(ScriptedTransport(scene.answer))
    stream = await adapter.stream(request(stream=True), target())
    assert await opening(stream, aiter(stream), Terms(None, FINISH, 5, scene._begun)) == Opening(ROLE, "begun")
    assert scene.begun_after == [1]


def world(held: StreamGuard | None, sink: Sink, *answers: ScriptedAnswer) -> Gateway:
    """A route with a primary and a fallback, which give `answers` in turn."""
    policy = RoutePolicy(retries=0, stream_guard=held)
    route = Route("r", (RouteTarget("a", "m"),), fallbacks=(RouteTarget("b", "m"),), policy=policy)
    config = snapshot([upstream("a", "openai"), upstream("b", "openai")], ["a/m", "b/m"], [route])
    return Gateway(Holder(config), sink, ScriptedTransport(*answers), clock=Ticking().clock())


def good(text: str) -> ScriptedAnswer:
    return ScriptedAnswer(ROLE, say(text), STOP, USAGE, DONE)


async def read(reply: StreamReply) -> list[bytes]:
    try:
        return [piece async for piece in reply]
    finally:
        await reply.aclose()


DEATHS = [
    ((ROLE, say("abc"), CUT), FINISH),
    ((ROLE, say("abc"), STALL), FINISH),
    ((ROLE, say("abc") + GARBAGE), FINISH),
    ((ROLE, say("abc"), say("def"), CUT), StreamGuard(characters=7)),
    ((ROLE, PING, CUT), None),
]


@pytest.mark.parametrize(("pieces", "held"), DEATHS)
async def test_the_fallback_answers_and_nobody_sees_the_rest(
    pieces: tuple[bytes | Exception, ...], held: StreamGuard | None
) -> None:
    sink = MemorySink()
    dying = ScriptedAnswer(*pieces)
    reply = await world(held, sink, dying, good("well")).stream(call("r", stream=True))
    assert (reply.info.provider, reply.info.attempts, dying.closed) == ("b", 2, 1)
    assert b"".join(await read(reply)) == ROLE + say("well") + STOP + DONE
    (record,) = sink.records
    assert (record.status, record.provider, record.output_tokens) == ("succeeded", "b", 1)


@pytest.mark.parametrize("held", [None, StreamGuard(characters=3)])
async def test_what_dies_behind_the_guard_is_no_finish(held: StreamGuard | None) -> None:
    sink = MemorySink()
    reply = await world(held, sink, ScriptedAnswer(ROLE, say("abc"), say("d"), CUT)).stream(call("r", stream=True))
    given = []
    with pytest.raises(UpstreamUnreachable):
        async for piece in reply:
            given.append(piece)
    assert given == [ROLE + say("abc"), say("d")]
    assert (sink.records[0].status, sink.records[0].attempts) == ("failed", 1)


@pytest.mark.parametrize("held", [None, StreamGuard(characters=200), FINISH])
async def test_an_end_that_was_held_waits_for_the_record_all_the_same(held: StreamGuard | None) -> None:
    sink = MemorySink()
    answer = ScriptedAnswer(ROLE + say("abc") + STOP, USAGE, DONE)
    reply = await world(held, sink, answer).stream(call("r", stream=True))
    assert sink.records == []
    assert await anext(reply) == ROLE + say("abc") + STOP + DONE
    assert [record.status for record in sink.records] == ["succeeded"]
    assert await read(reply) == []


class Refusing:
    """A sink that cannot write."""

    def write(self, record: CallRecord) -> None:
        raise RecordNotWritten("Disk full.")


async def test_without_a_record_nothing_that_was_held_is_given() -> None:
    reply = await world(FINISH, Refusing(), good("well")).stream(call("r", stream=True))
    with pytest.raises(RecordNotWritten):
        await anext(reply)
