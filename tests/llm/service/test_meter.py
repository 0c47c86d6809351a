"""The waits for the provider are no overhead; the gateway's own time is."""

from __future__ import annotations

from collections.abc import AsyncIterator

from llm.service import meter
from llm.service.meter import Meter, MeteredTransport
from llm.transport.base import Outbound
from tests.llm.service.scripted import Ticking

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
