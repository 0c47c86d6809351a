"""Scenarios: streamed answers."""

from __future__ import annotations

import asyncio

from tests.contract.asking import CLOCK, PARIS
from tests.contract.bench import Bench
from tests.contract.listing import scenario
from tests.contract.talk import Counted, user
from tests.support.upstream_answers import Tokens
from tests.support.upstream_behaviours import held_stream, text, tools
from tests.support.upstream_faults import no_done


@scenario()
async def stream_text(bench: Bench) -> None:
    heard, stream = await bench.stream(user("good morning to you"))
    assert heard.text.lower() == "echo: good morning to you"
    assert heard.finish == "stop"
    summary = stream.summary
    assert (summary.finished, summary.finish_reason) == (True, "stop")
    assert (summary.usage.input_tokens, summary.usage.output_tokens) == (4, 5)


@scenario()
async def stream_comes_in_pieces(bench: Bench) -> None:
    stream = await bench.begin(user("one two three four five six"))
    pieces = [piece async for piece in stream]
    assert b"".join(pieces).count(b"\n\n") >= 8
    assert all(piece.endswith(b"\n\n") for piece in pieces)


@scenario()
async def stream_length_finish(bench: Bench) -> None:
    heard, stream = await bench.stream(user("one two three four", max_tokens=3))
    assert heard.text.lower() == "echo: one two"
    assert (heard.finish, stream.summary.finish_reason) == ("length", "length")


@scenario()
async def stream_usage(bench: Bench) -> None:
    heard, _ = await bench.stream(user("good morning to you", wants_usage=True))
    assert heard.usage == Counted(4, 5)


@scenario()
async def stream_usage_only_where_asked_for(bench: Bench) -> None:
    heard, stream = await bench.stream(user("good morning to you"))
    assert (heard.usage is None) == (bench.caller == "openai_chat")
    assert stream.summary.usage.output_tokens == 5


@scenario()
async def stream_cached_usage(bench: Bench) -> None:
    tokens = Tokens(input=90, output=7, cached=64)
    heard, stream = await bench.stream(user("again", wants_usage=True), text("hello", tokens=tokens))
    assert heard.usage == Counted(90, 7, 64)
    assert (stream.summary.usage.input_tokens, stream.summary.usage.cached_tokens) == (90, 64)


@scenario()
async def stream_tools(bench: Bench) -> None:
    talk = user("weather and time?", tools=("weather", "clock"))
    heard, stream = await bench.stream(talk, tools(PARIS, CLOCK, content="I look."))
    assert heard.calls == (PARIS, CLOCK)
    assert (heard.text, heard.finish) == ("I look.", "tool_calls")
    assert stream.summary.finish_reason == "tool_calls"


@scenario()
async def stream_begins_before_it_ends(bench: Bench) -> None:
    stream = await bench.begin(user("one two three"), held_stream("one two three", after=4))
    first = await asyncio.wait_for(anext(aiter(stream)), 5)
    assert first and not stream.summary.finished
    bench.upstream.release()
    rest = b"".join([piece async for piece in stream])
    assert rest and stream.summary.finished


@scenario()
async def leaving_early_cancels(bench: Bench) -> None:
    stream = await bench.begin(user("one two three"), held_stream("one two three", after=4))
    await anext(aiter(stream))
    await stream.aclose()
    await stream.aclose()
    await bench.upstream.wait_disconnect()


@scenario()
async def stream_without_its_mark(bench: Bench) -> None:
    heard, stream = await bench.stream(user("count", wants_usage=True), no_done())
    assert heard.text.startswith("one two three")
    assert heard.finish == "stop" and heard.usage is not None
    assert stream.summary.finished


@scenario()
async def stream_without_its_mark_stalls(bench: Bench) -> None:
    async with asyncio.timeout(5):
        heard, _ = await bench.stream(user("count", wants_usage=True), no_done(stalls=True))
    assert heard.finish == "stop" and heard.usage is not None
    await bench.upstream.wait_disconnect()
