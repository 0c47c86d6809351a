"""Faults and limits: which error, which phase, and that nothing of the provider's shows in a message."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from llm.errors import UpstreamError, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from llm.spec import Connection, Timeouts
from llm.transport.base import Outbound, Transport
from tests.support import upstream_behaviours as do
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import Behaviour
from tests.support.upstream_wire import Exchange
from tests.support.wire import MakeOutbound, read

SHORT = 0.15


async def failure(transport: Transport, request: Outbound, *, limit: int = 64 * 1024 * 1024) -> UpstreamError:
    """The error that this call ends in, be it before the answer's head or after it."""
    with pytest.raises(UpstreamError) as raised:
        await read(transport, request, limit=limit)
    assert "127.0.0.1" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("fault", "phase", "limits"),
    [
        (faults.silence(), "first_byte", Timeouts(first_byte=SHORT)),
        (faults.slow_head(60), "first_byte", Timeouts(first_byte=SHORT)),  # each byte comes well within the limit
        (faults.late_first_token(60), "first_byte", Timeouts(first_byte=SHORT)),
        (faults.stall(), "idle", Timeouts(idle=SHORT)),
        (faults.silence(), "total", Timeouts(total=SHORT)),
        (faults.stall(), "total", Timeouts(total=SHORT)),
        (do.paced("a b c d e f g h i j k l m n o p", pause=6), "total", Timeouts(idle=5, total=SHORT)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_each_limit_ends_the_call_and_names_its_phase(
    transport: Transport,
    upstream: FakeUpstream,
    outbound: MakeOutbound,
    fault: Behaviour,
    phase: str,
    limits: Timeouts,
) -> None:
    upstream.script(fault)
    error = await failure(transport, outbound(stream=True, timeouts=limits))
    assert isinstance(error, UpstreamTimeout)
    assert error.phase == phase
    await upstream.wait_disconnect()


async def test_waiting_for_a_free_connection_is_bounded(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    one = Connection(allow_private=True, max_connections=1)
    upstream.script(do.held_stream(after=1))
    busy = await transport.send(outbound(stream=True, connection=one))
    error = await failure(transport, outbound(connection=one, timeouts=Timeouts(connect=SHORT)))
    assert isinstance(error, UpstreamTimeout) and error.phase == "connect"
    await busy.aclose()


async def test_a_slow_reader_is_not_the_providers_fault(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    upstream.script(do.held_stream("late reader", after=1), faults.late(30))  # 0.3 s by the time scale
    answer = await transport.send(outbound(stream=True, timeouts=Timeouts(idle=SHORT)))
    pieces = answer.chunks()
    await anext(pieces)
    await read(transport, outbound())  # the reader is busy elsewhere for longer than `idle`
    upstream.release()
    assert b"[DONE]" in b"".join([piece async for piece in pieces])
    await answer.aclose()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault",
    [faults.reset(), faults.close_without_answer(), faults.cut(), faults.cut(how="reset"), faults.cut_body()],
    ids=["reset", "close", "cut", "cut by reset", "cut body"],
)
async def test_broken_connections(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound, fault: Behaviour, stream: bool
) -> None:
    upstream.script(fault)
    assert isinstance(await failure(transport, outbound(stream=stream)), UpstreamUnreachable)
    assert len(upstream.requests) == 1  # a POST is never repeated behind the caller's back


async def test_what_came_before_a_cut_is_given(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    async def cut_when_told(exchange: Exchange) -> None:
        await exchange.begin({"content-type": "text/event-stream"})
        await exchange.chunk(b"data: 1\n\n")
        await exchange.release.wait()
        exchange.close()

    upstream.script(cut_when_told)
    answer = await transport.send(outbound(stream=True))
    pieces = answer.chunks()
    assert await anext(pieces) == b"data: 1\n\n"
    upstream.release()
    with pytest.raises(UpstreamUnreachable):
        await anext(pieces)
    await answer.aclose()


@pytest.mark.parametrize(
    "fault",
    [
        faults.not_http(),
        faults.big_header(),
        do.answer(headers={"content-encoding": "gzip"}, body=b"this is not gzip"),
        do.answer(headers={"x-a": "b\r\n\x00bad header"}, body=b"{}"),
    ],
    ids=["not http", "big header", "not gzip", "bad header"],
)
async def test_garbage_on_the_wire(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound, fault: Behaviour
) -> None:
    upstream.script(fault)
    assert isinstance(await failure(transport, outbound()), UpstreamMalformed)
    answer = await transport.send(outbound())  # and the transport serves on
    assert answer.status == 200
    await answer.aclose()


async def test_a_garbled_transfer_is_an_error(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    async def garbled(exchange: Exchange) -> None:
        await exchange.begin({"content-type": "text/event-stream"})
        await exchange.raw(b"zz\r\nnot a size\r\n")
        exchange.close()

    upstream.script(garbled)
    assert isinstance(await failure(transport, outbound(stream=True)), UpstreamError)


async def test_too_large_an_answer(transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound) -> None:
    upstream.script(faults.huge(3_000_000))
    error = await failure(transport, outbound(), limit=1_000_000)
    assert isinstance(error, UpstreamMalformed)


async def test_a_small_answer_that_unpacks_to_a_huge_one(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    upstream.script(do.answer(headers={"content-encoding": "gzip"}, body=bomb))
    tracemalloc.start()
    error = await failure(transport, outbound(), limit=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(error, UpstreamMalformed)
    assert peak < 16 * 1024 * 1024  # it is unpacked as it is read, not as it comes


async def test_nobody_listens(transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound) -> None:
    request = outbound()
    await upstream.__aexit__(None, None, None)
    assert isinstance(await failure(transport, request), UpstreamUnreachable)


async def test_a_header_that_cannot_be_sent(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound
) -> None:
    error = await failure(transport, outbound(headers={"authorization": "Bearer sk-secret\r\nx: y"}))
    assert isinstance(error, UpstreamUnreachable) and "secret" not in str(error)
    assert upstream.requests == []
