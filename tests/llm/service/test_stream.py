"""Streams: the end is held until the record is written, and every end is recorded once."""

from __future__ import annotations

import asyncio

import pytest

from llm.errors import RecordNotWritten, UpstreamFailed, UpstreamMalformed
from llm.observe.spool import MemorySink
from llm.service import StreamReply
from tests.llm.service.scripted import ScriptedAdapter, ScriptedStream, Ticking, call, gateway
from tests.llm.service.test_gateway import CONFIG, Refusing, World


async def opened(world: World) -> StreamReply:
    return await world.gateway.stream(call(stream=True))


async def test_pieces_go_at_once_and_the_end_after_the_record() -> None:
    gate = asyncio.Event()
    stream = ScriptedStream([b"", b"one", b"two", b"end1", gate, b"end2"])
    world = World(stream)
    reply = await opened(world)
    assert (reply.info.attempts, reply.info.dropped) == (1, ("seed",))
    pieces = aiter(reply)
    assert [await anext(pieces), await anext(pieces)] == [b"one", b"two"]
    rest = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    assert not rest.done() and not world.sink.records
    gate.set()
    assert await rest == b"end1end2"
    assert (world.record.status, world.record.output_tokens, stream.closed) == ("succeeded", 3, 1)
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)
    await reply.aclose()
    assert (world.record.status, stream.closed) == ("succeeded", 1)


async def test_a_stream_of_one_piece() -> None:
    world = World(ScriptedStream([b"end"]))
    assert [piece async for piece in await opened(world)] == [b"end"]
    assert world.record.status == "succeeded"


async def test_leaving_is_recorded_with_the_tokens_so_far() -> None:
    stream = ScriptedStream([b"one", b"two", b"end"])
    world = World(stream)
    reply = await opened(world)
    assert await anext(aiter(reply)) == b"one"
    await reply.aclose()
    await reply.aclose()
    assert stream.closed == 1
    assert (world.record.status, world.record.http_status, world.record.input_tokens) == ("cancelled", 499, 12)
    with pytest.raises(StopAsyncIteration):
        await anext(aiter(reply))


async def test_leaving_before_the_first_piece_is_taken() -> None:
    stream = ScriptedStream([b"one"])
    world = World(stream)
    await (await opened(world)).aclose()
    assert (world.record.status, stream.closed) == ("cancelled", 1)


async def test_a_cancelled_reader_is_recorded() -> None:
    stream = ScriptedStream([b"one", asyncio.Event()])
    world = World(stream)
    reply = await opened(world)

    async def read() -> None:
        async for _ in reply:
            pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (world.record.status, stream.closed) == ("cancelled", 1)


@pytest.mark.parametrize("pieces", [[b"one"], [b"one", b"end"]])
async def test_a_break_after_the_first_piece_is_no_finish(pieces: list[bytes]) -> None:
    """Also where the finish was seen: what was held stays with us."""
    world = World(ScriptedStream([*pieces, UpstreamMalformed("Cut.")]))
    reply = await opened(world)
    told = []
    with pytest.raises(UpstreamMalformed):
        async for piece in reply:
            told.append(piece)
    assert told == [b"one"]
    assert (world.record.status, world.record.http_status, world.record.error_code) == ("failed", 200, "upstream_error")


async def test_a_break_before_the_first_piece_is_tried_again() -> None:
    broken, empty, good = (
        ScriptedStream([b"", UpstreamFailed("Overloaded.")]), ScriptedStream([]), ScriptedStream([b"end"])
    )  # fmt: skip
    world = World(broken, empty, good)
    reply = await opened(world)
    assert [piece async for piece in reply] == [b"end"]
    assert (world.record.attempts, broken.closed, empty.closed) == (3, 1, 1)


async def test_the_record_that_cannot_be_written_keeps_the_end_back() -> None:
    stream = ScriptedStream([b"one", b"end"])
    reply = await gateway(CONFIG, Refusing(), ScriptedAdapter(stream)).stream(call(stream=True))
    told = []
    with pytest.raises(RecordNotWritten):
        async for piece in reply:
            told.append(piece)
    assert (told, stream.closed) == ([b"one"], 1)
    await reply.aclose()


async def test_a_slow_caller_is_no_overhead() -> None:
    ticking, sink = Ticking(), MemorySink()
    stream = ScriptedStream([b"one", b"two", b"end"])
    reply = await gateway(CONFIG, sink, ScriptedAdapter(stream), ticking).stream(call(stream=True))
    async for _ in reply:
        ticking.at += 2
    (record,) = sink.records
    assert (record.latency_ms, record.overhead_ms, record.time_to_first_token_ms) == (4000, 0, 0)
