"""One timer for all limits: it is in time, and it rests when nothing waits."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from llm.errors import UpstreamTimeout
from llm.spec import Timeouts
from llm.transport.lean import LeanTransport
from llm.transport.lean.exchange import Exchange
from llm.transport.lean.sweeper import REST, TICK, Sweeper
from tests.support.raw_peer import OK, Peer, ask, at_rest, listening, until
from tests.support.wire import read


class Awaited:
    def __init__(self, sweeper: Sweeper, seconds: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.sweeper = sweeper
        self.deadline = self.loop.time() + seconds
        self.late: float | None = None
        sweeper.watch(self)

    def expire(self) -> None:
        self.late = self.loop.time() - self.deadline


async def test_limits_pass_no_earlier_and_hardly_later() -> None:
    sweeper = Sweeper(asyncio.get_running_loop(), lambda now: False)
    waiting = [Awaited(sweeper, number * 0.013) for number in range(40)]
    forgotten = Awaited(sweeper, 0.1)
    sweeper.forget(forgotten)
    await until(lambda: all(one.late is not None for one in waiting))
    assert all(one.late is not None and 0 <= one.late < TICK + 0.2 for one in waiting)  # 0.2: a busy machine
    assert forgotten.late is None
    await until(lambda: sweeper._handle is None)  # nothing waits: no timer runs


async def test_a_look_that_fails_does_not_end_all_limits() -> None:
    loop = asyncio.get_running_loop()
    faults: list[object] = []
    loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))

    def fails(now: float) -> bool:
        raise RuntimeError("a defect")

    sweeper = Sweeper(loop, fails)
    for _ in range(2):
        one = Awaited(sweeper, 0.01)
        await until(lambda one=one: one.late is not None)
    assert len(faults) == 2


async def test_idle_connections_are_closed_in_time_and_then_no_timer_runs() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK.replace(b"\r\n", b"\r\nkeep-alive: timeout=2\r\n", 1))
        await peer.reader.read()
        closed_at.append(loop.time())

    loop = asyncio.get_running_loop()
    closed_at: list[float] = []
    async with listening(serve) as (port, _), aclosing(LeanTransport()) as transport:
        await asyncio.gather(*(read(transport, ask(port)) for _ in range(3)))
        ended = loop.time()
        await until(lambda: len(closed_at) == 3)
        assert all(0.9 < at - ended < 1 + REST + 1 for at in closed_at)  # a second before the provider would
        await until(lambda: transport._sweeper._handle is None)
        assert all(host.open == 0 for host in transport._hosts.values())


async def test_the_idle_limit_begins_anew_with_each_piece() -> None:
    async def drips(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(6):
            await peer.send(b"x")
            await asyncio.sleep(0.1)
        await peer.reader.read()

    limits = Timeouts(connect=5, first_byte=5, idle=0.5, total=20)
    loop = asyncio.get_running_loop()
    async with listening(drips) as (port, _), aclosing(LeanTransport()) as transport:
        answer = await transport.send(ask(port, timeouts=limits))
        begun, got = loop.time(), b""
        with pytest.raises(UpstreamTimeout) as raised:
            async for piece in answer.chunks():
                got += piece
        assert (got, raised.value.phase) == (b"x" * 6, "idle")
        assert 0.95 < loop.time() - begun < 4
        await at_rest(transport)


async def test_an_answer_that_begins_before_its_request_is_whole_has_its_time_between_pieces() -> None:
    loop = asyncio.get_running_loop()
    exchange = Exchange(loop, Sweeper(loop, lambda now: False), Timeouts(idle=5, first_byte=1))
    exchange.headed(200, [], None)
    exchange.took(b"half")
    assert await anext(exchange.chunks()) == b"half"
    rest = asyncio.ensure_future(anext(exchange.chunks()))
    await asyncio.sleep(0)
    exchange.sent()
    assert exchange.deadline > loop.time() + 4
    exchange.took(b"rest")
    assert await rest == b"rest"
