"""The waits for the provider are no overhead; the gateway's own time is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from llm.service import meter
from llm.service.meter import Meter, MeteredTransport
from llm.transport.aiohttp import AiohttpTransport
from llm.transport.base import Outbound, Transport
from llm.transport.lean import LeanTransport
from tests.llm.service.scripted import Ticking
from tests.support.raw_peer import Peer, ask, listening

OUTBOUND = Outbound("POST", "http://x", {}, b"")


class SlowAnswer:
    status = 200
    headers: dict[str, str] = {}

    def __init__(self, ticking: Ticking) -> None:
        self._ticking = ticking
        self.closed = False

    async def read(self, limit: int = 0) -> bytes:
        self._ticking.at += 3
        return b"whole"

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in (b"a", b"b"):
            self._ticking.at += 5
            yield piece

    async def aclose(self) -> None:
        self.closed = True


class SlowTransport:
    def __init__(self, ticking: Ticking) -> None:
        self._ticking = ticking
        self.answer = SlowAnswer(ticking)

    async def send(self, outbound: Outbound) -> SlowAnswer:
        self._ticking.at += 1
        return self.answer

    async def aclose(self) -> None: ...


async def test_sending_and_reading_are_waits() -> None:
    ticking = Ticking()
    transport = MeteredTransport(SlowTransport(ticking), lambda: ticking.at)
    own = Meter()
    meter.use(own)
    answer = await transport.send(OUTBOUND)
    ticking.at += 100
    assert (answer.status, await answer.read()) == (200, b"whole")
    assert own.waited == 4
    meter.add(2)
    assert own.waited == 6


async def test_the_meter_stays_with_its_answer_and_pieces_are_waits() -> None:
    ticking = Ticking()
    slow = SlowTransport(ticking)
    transport = MeteredTransport(slow, lambda: ticking.at)
    own = Meter()
    meter.use(own)
    answer = await transport.send(OUTBOUND)
    meter.use(Meter())
    async for _ in answer.chunks():
        ticking.at += 100
    await answer.aclose()
    await transport.aclose()
    assert (own.waited, slow.answer.closed) == (11, True)


async def test_a_call_without_a_meter_is_served() -> None:
    meter.use(None)
    meter.add(1)
    assert await (await MeteredTransport(SlowTransport(Ticking()), lambda: 0).send(OUTBOUND)).read() == b"whole"


@pytest.mark.parametrize("made", [LeanTransport, AiohttpTransport])
async def test_what_is_done_with_a_piece_is_no_wait(made: type[Transport]) -> None:
    ticking, own = Ticking(), Meter()
    wanted, taken, awaited = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        ticking.at += 1
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await wanted.wait()
        ticking.at += 5
        await peer.send(b"1\r\na\r\n")
        await awaited.wait()
        ticking.at += 7
        await peer.send(b"1\r\nb\r\n0\r\n\r\n")

    def take(piece: bytes) -> bool:
        ticking.at += 100
        taken.set()
        return False

    async with listening(serve) as (port, _):
        transport = MeteredTransport(made(), lambda: ticking.at)
        meter.use(own)
        answer = await transport.send(ask(port))
        meter.use(Meter())
        assert own.waited == 1
        ticking.at += 100
        wanted.set()
        pieces = answer.chunks()
        await answer.flow(take)
        if not taken.is_set():  # a transport that gives no pieces as they come
            assert await anext(pieces) == b"a"
            take(b"a")
        rest = asyncio.ensure_future(_all(pieces))
        await asyncio.sleep(0)  # it waits now
        awaited.set()
        assert await rest == [b"b"]
        assert own.waited == 13
        await answer.aclose()
        await transport.aclose()


async def _all(pieces: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in pieces]
